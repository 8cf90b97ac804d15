package dev.worldswitch.explore.x86;

import dev.worldswitch.explore.Scenario;
import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * The instructions that a scenario's guest is made of, as machine code (Intel SDM vol. 2). rbx = 64, rsi = tile source,
 * rdi = tile result, r8 = tile configuration, r9 and r10 = XMM source and result, r11 = what the #NM handler notes.
 */
final class GuestCode {
    static final int PAGE_TABLES = 0x1000, CODE = 0x4000, HANDLER = 0x4e00, IDT = 0x5000, GDT = 0x5800, STACK = 0x7000;
    static final int CONFIG = 0x8000, TILE_IN = 0x8400, XMM_IN = 0x8c00;
    static final int TILE_OUT = 0x9000, XMM_OUT = 0x9800, NM = 0x9900, DR6 = NM + 16, SIZE = 0xa000;
    private static final int IA32_XFD = 0x1c4, IA32_XFD_ERR = 0x1c5;
    private static final Map<String, String> CODES = Map.of(
            "ldtilecfg", "c4c2784900", // ldtilecfg [r8]
            "tileloadd", "c4e27b4b041e", // tileloadd tmm0, [rsi+rbx]
            "tilerelease", "c4e27849c0",
            "tilestored", "c4e27a4b041f", // tilestored [rdi+rbx], tmm0
            "load-xmm", "f3410f6f09", // movdqu xmm1, [r9]
            "write-dr6", "b8f10fffff" + "0f23f0", // mov eax, 0xffff0ff1; mov dr6, rax
            "read-dr6", "0f21f0" + "49894310", // mov rax, dr6; mov [r11+16], rax
            "out", "f3410f7f0a" + "e610"); // movdqu [r10], xmm1; out 0x10, al

    private GuestCode() {}

    /** @throws IllegalArgumentException for an instruction that is not known here */
    static byte[] assemble(List<String> program) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        code.writeBytes(bytes("load-xmm"));
        for (String i : program) {
            String[] word = i.split(" ");
            if (word[0].equals("wrmsr-xfd")) wrmsr(code, IA32_XFD, (int) Scenario.operand(word));
            else if (word[0].equals("xsetbv")) xsetbv(code, (int) Scenario.operand(word));
            else code.writeBytes(bytes(i));
        }
        // Behind its end it halts: an exit that the VMM does not expect.
        hex(code, "f4");
        return code.toByteArray();
    }

    /** The guest's #NM handler: notes IA32_XFD_ERR and IA32_XFD, counts, clears both, returns. */
    static byte[] handler() {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        rdmsr(code, IA32_XFD_ERR);
        hex(code, "418903"); // mov [r11], eax
        rdmsr(code, IA32_XFD);
        hex(code, "41894304"); // mov [r11+4], eax
        hex(code, "41ff4308"); // inc dword [r11+8]
        wrmsr(code, IA32_XFD_ERR, 0);
        wrmsr(code, IA32_XFD, 0);
        hex(code, "48cf"); // iretq
        return code.toByteArray();
    }

    private static void hex(ByteArrayOutputStream code, String bytes) {
        code.writeBytes(HexFormat.of().parseHex(bytes));
    }

    private static void number(ByteArrayOutputStream code, int v) {
        for (int b = 0; b < 4; b++) code.write(v >>> 8 * b);
    }

    /** mov ecx, msr; rdmsr. */
    private static void rdmsr(ByteArrayOutputStream code, int msr) {
        hex(code, "b9");
        number(code, msr);
        hex(code, "0f32");
    }

    /** mov ecx, msr; mov eax, v; xor edx, edx; wrmsr. */
    private static void wrmsr(ByteArrayOutputStream code, int msr, int v) {
        hex(code, "b9");
        number(code, msr);
        hex(code, "b8");
        number(code, v);
        hex(code, "31d20f30");
    }

    /** xor ecx, ecx; mov eax, v; xor edx, edx; xsetbv. */
    private static void xsetbv(ByteArrayOutputStream code, int v) {
        hex(code, "31c9b8");
        number(code, v);
        hex(code, "31d20f01d1");
    }

    private static byte[] bytes(String instruction) {
        String hex = CODES.get(instruction);
        if (hex == null)
            throw new IllegalArgumentException(
                    "a guest can't '" + instruction + "'; known: wrmsr-xfd VALUE, xsetbv VALUE, "
                            + String.join(", ", CODES.keySet().stream().sorted().toList()));
        return HexFormat.of().parseHex(hex);
    }
}
