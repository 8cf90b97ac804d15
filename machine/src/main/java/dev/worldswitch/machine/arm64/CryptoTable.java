package dev.worldswitch.machine.arm64;

import static dev.worldswitch.machine.arm64.IntegerTable.f;
import static dev.worldswitch.machine.arm64.LoadStoreTable.two;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Cryptographic instructions: Arm ARM C4.1.96, "Cryptographic AES", "SHA", "three-register" and so on. */
final class CryptoTable implements A64Row.Table {
    private final List<A64Row> rows = new ArrayList<>();

    private void row(String name, String bits, Feature feature, Supplier<A64Op> op, int which) {
        rows.add(new A64Row(name, bits, feature, (w, pc) -> regs(op.get(), w, which), "C7.2 " + name));
    }

    private static A64Op regs(A64Op o, int w, int which) {
        o.a = which;
        o.d = w & 31;
        o.n = f(w, 9, 5);
        o.m = f(w, 20, 16);
        return o;
    }

    @Override
    public List<A64Row> rows() {
        String[] aes = {"AESE", "AESD", "AESMC", "AESIMC"};
        for (int i = 0; i < 4; i++)
            row(aes[i], "010011100010100001" + two(i) + "10nnnnnddddd", Feature.AES, CryptoOps.Aes::new, i);
        String[] sha1 = {"SHA1C", "SHA1P", "SHA1M", "SHA1SU0"}, sha256 = {"SHA256H", "SHA256H2", "", "SHA256SU1"};
        for (int i = 0; i < 4; i++)
            row(sha1[i], "01011110000mmmmm00" + two(i) + "00nnnnnddddd", Feature.SHA1, CryptoOps.Sha1::new, i);
        row("SHA1H", "0101111000101000000010nnnnnddddd", Feature.SHA1, CryptoOps.Sha1::new, 4);
        row("SHA1SU1", "0101111000101000000110nnnnnddddd", Feature.SHA1, CryptoOps.Sha1::new, 5);
        row("SHA256SU0", "0101111000101000001010nnnnnddddd", Feature.SHA256, CryptoOps.Sha256::new, 2);
        for (int i : new int[] {0, 1, 3})
            row(
                    sha256[i],
                    "01011110000mmmmm01" + two(i == 3 ? 2 : i) + "00nnnnnddddd",
                    Feature.SHA256,
                    CryptoOps.Sha256::new,
                    i);
        row("SHA512H", "11001110011mmmmm100000nnnnnddddd", Feature.SHA512, CryptoOps.Sha512::new, 0);
        row("SHA512H2", "11001110011mmmmm100001nnnnnddddd", Feature.SHA512, CryptoOps.Sha512::new, 1);
        row("SHA512SU0", "1100111011000000100000nnnnnddddd", Feature.SHA512, CryptoOps.Sha512::new, 2);
        row("SHA512SU1", "11001110011mmmmm100010nnnnnddddd", Feature.SHA512, CryptoOps.Sha512::new, 3);
        sha3("EOR3", "11001110000mmmmm0aaaaannnnnddddd", 0);
        sha3("BCAX", "11001110001mmmmm0aaaaannnnnddddd", 1);
        sha3("RAX1", "11001110011mmmmm100011nnnnnddddd", 2);
        sha3("XAR", "11001110100mmmmmiiiiiinnnnnddddd", 3);
        sm3("SM3SS1", "11001110010mmmmm0aaaaannnnnddddd", 0);
        String[] tt = {"SM3TT1A", "SM3TT1B", "SM3TT2A", "SM3TT2B"};
        for (int i = 0; i < 4; i++) sm3(tt[i], "11001110010mmmmm10ii" + two(i) + "nnnnnddddd", i + 1);
        sm3("SM3PARTW1", "11001110011mmmmm110000nnnnnddddd", 5);
        sm3("SM3PARTW2", "11001110011mmmmm110001nnnnnddddd", 6);
        row("SM4E", "1100111011000000100001nnnnnddddd", Feature.SM4, CryptoOps.Sm4::new, 0);
        row("SM4EKEY", "11001110011mmmmm110010nnnnnddddd", Feature.SM4, CryptoOps.Sm4::new, 1);
        return rows;
    }

    private void sha3(String name, String bits, int which) {
        rows.add(new A64Row(
                name,
                bits,
                Feature.SHA3,
                (w, pc) -> {
                    CryptoOps.Sha3 o = new CryptoOps.Sha3();
                    o.third = f(w, 14, 10);
                    o.imm = f(w, 15, 10);
                    return regs(o, w, which);
                },
                "C7.2 " + name));
    }

    private void sm3(String name, String bits, int which) {
        rows.add(new A64Row(
                name,
                bits,
                Feature.SM3,
                (w, pc) -> {
                    CryptoOps.Sm3 o = new CryptoOps.Sm3();
                    o.third = f(w, 14, 10);
                    o.imm = f(w, 13, 12);
                    return regs(o, w, which);
                },
                "C7.2 " + name));
    }
}
