package dev.worldswitch.machine.arm64;

/** AES, SM4 and SHA-3 on each 128 bits (Arm ARM C4.1 "SVE2 Crypto Extensions"). */
final class SveCryptoTable extends SveRows {
    @Override
    void build() {
        String[] aes = {"AESE", "AESD"}, mix = {"AESMC", "AESIMC"};
        for (int k = 0; k < 2; k++) {
            int which = k;
            row(aes[k], "010001010010001011100" + k + "mmmmmddddd", Feature.SVE_AES, (c, w, pc) -> {
                long[] r = SveOps.vector(c);
                for (int i = 0; i < c.vl / 8; i += 2) CryptoOps.aes(which, c.z, d(w) * c.zs + i, n(w) * c.zs + i, r, i);
                SveOps.write(c, d(w), r);
            });
            row(mix[k], "010001010010000011100" + k + "00000ddddd", Feature.SVE_AES, (c, w, pc) -> {
                long[] r = SveOps.vector(c);
                for (int i = 0; i < c.vl / 8; i += 2)
                    CryptoOps.aes(which + 2, c.z, d(w) * c.zs + i, d(w) * c.zs + i, r, i);
                SveOps.write(c, d(w), r);
            });
        }
        row("SM4E", "0100010100100011111000mmmmmddddd", Feature.SVE_SM4, (c, w, pc) -> {
            long[] r = SveOps.vector(c);
            for (int i = 0; i < c.vl / 8; i += 2) CryptoOps.sm4(0, c.z, d(w) * c.zs + i, n(w) * c.zs + i, r, i);
            SveOps.write(c, d(w), r);
        });
        row("SM4EKEY", "01000101001mmmmm111100nnnnnddddd", Feature.SVE_SM4, (c, w, pc) -> {
            long[] r = SveOps.vector(c);
            for (int i = 0; i < c.vl / 8; i += 2) CryptoOps.sm4(1, c.z, n(w) * c.zs + i, m(w) * c.zs + i, r, i);
            SveOps.write(c, d(w), r);
        });
        row(
                "RAX1",
                "01000101001mmmmm111101nnnnnddddd",
                Feature.SVE_SHA3,
                w -> SveLanes.map(d(w), n(w), m(w), 8, (f, a, b, n) -> a ^ Long.rotateLeft(b, 1)));
    }
}
