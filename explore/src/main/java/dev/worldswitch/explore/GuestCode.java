package dev.worldswitch.explore;

import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The instructions that a scenario's guest is made of, as machine code (Intel SDM vol. 2). */
final class GuestCode {
    /** rbx = 64, rsi = tile source, rdi = tile result, r8 = tile configuration, r9 and r10 = XMM source and result. */
    static final int PAGE_TABLES = 0x1000, CODE = 0x4000, CONFIG = 0x8000, TILE_IN = 0x8400, XMM_IN = 0x8c00;

    static final int TILE_OUT = 0x9000, XMM_OUT = 0x9800, SIZE = 0xa000;
    private static final Map<String, String> CODES = Map.of(
            "ldtilecfg", "c4c2784900", // ldtilecfg [r8]
            "tileloadd", "c4e27b4b041e", // tileloadd tmm0, [rsi+rbx]
            "tilerelease", "c4e27849c0",
            "tilestored", "c4e27a4b041f", // tilestored [rdi+rbx], tmm0
            "load-xmm", "f3410f6f09", // movdqu xmm1, [r9]
            "out", "f3410f7f0a" + "e610"); // movdqu [r10], xmm1; out 0x10, al

    private GuestCode() {}

    static byte[] assemble(List<String> program) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        code.writeBytes(bytes("load-xmm"));
        for (String i : program) {
            String[] word = i.split(" ");
            if (word[0].equals("wrmsr-xfd")) {
                code.writeBytes(HexFormat.of().parseHex("b9c4010000b8")); // mov ecx, IA32_XFD; mov eax, ...
                int v = Integer.decode(word[1]);
                for (int b = 0; b < 4; b++) code.write(v >>> 8 * b);
                code.writeBytes(HexFormat.of().parseHex("31d20f30")); // xor edx, edx; wrmsr
            } else {
                code.writeBytes(bytes(i));
            }
        }
        return code.toByteArray();
    }

    private static byte[] bytes(String instruction) {
        String hex = CODES.get(instruction);
        if (hex == null) throw new IllegalArgumentException("a guest can't '" + instruction + "'");
        return HexFormat.of().parseHex(hex);
    }
}
