package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** AMX and XSAVE as guest code. */
class TileInstructionsTest {
    private static final int CODE = 0x1000,
            CFG = 0x20000,
            A = 0x21000,
            B = 0x22000,
            C = 0x23000,
            UD = 0x3000,
            NM = 0x3100,
            GP = 0x3200;
    private static final String LDTILECFG = "c4 e2 78 49 06",
            TILERELEASE = "c4 e2 78 49 c0",
            TILEZERO = "c4 e2 7b 49 c0";
    private static final String STTILECFG = "c4 e2 79 49 06";
    /** tmm0 from RDX, tmm1 from RDI, tmm2 from RCX, rows RBX apart. */
    private static final String LOAD = "c4 e2 7b 4b 04 1a c4 e2 7b 4b 0c 1f c4 e2 7b 4b 14 19",
            STORE = "c4 e2 7a 4b 04 1a";

    private static final long TILEDATA = 1L << XsaveLayout.TILEDATA;

    private Guest guest = new Guest();

    @BeforeEach
    void boot() {
        guest = new Guest().longMode();
        guest.gate(6, UD, 0, 0).gate(7, NM, 0, 0).gate(13, GP, 0, 0);
        for (int h : new int[] {UD, NM, GP}) guest.bytes(h, "f4");
        guest.state.cr.set(4, guest.state.cr.get(4) | X86State.CR4_OSXSAVE);
        guest.cpu.xcr0().set(0x602e7);
    }

    private void config(int rows, int inner, int cols) {
        int[] r = {rows, rows, inner}, c = {4 * cols, 4 * inner, 4 * cols};
        for (int k = 0; k < 64; k += 8) guest.put(CFG + k, 0);
        set(CFG, 1);
        for (int t = 0; t < 3; t++) {
            set(CFG + 16 + 2 * t, c[t]);
            set(CFG + 48 + t, r[t]);
        }
    }

    private long[] fp() {
        return guest.cpu.fpregs().raw();
    }

    private void set(int at, int v) {
        guest.ram.set(ValueLayout.JAVA_BYTE, at, (byte) v);
    }

    /** Runs code; where it stopped: 0 at its end, else the handler. */
    private int run(String code) {
        guest.bytes(CODE, code + "f4");
        guest.m.flushBlocks();
        long[] regs = {0x602e7, B, C, 64, 0x9000, 0, CFG, A};
        for (int r = 0; r < 8; r++) guest.state.gpr.set(r, regs[r]);
        guest.state.rip.set(CODE);
        guest.state.rflags.set(2);
        X86Exit e = guest.run();
        assertThat(e.reason).as(e.name()).isEqualTo(X86Exit.HLT);
        int at = (int) guest.state.rip.get() - 1;
        return at >= UD ? at : 0;
    }

    @Test
    void byte_dot_products_agree_with_the_definition() {
        Random random = new Random(5);
        String[] ops = {"c4 e2 6b 5e c1", "c4 e2 6a 5e c1", "c4 e2 69 5e c1", "c4 e2 68 5e c1"};
        for (int op = 0; op < 4; op++) {
            int rows = 1 + random.nextInt(16), inner = 1 + random.nextInt(16), cols = 1 + random.nextInt(16);
            config(rows, inner, cols);
            for (int k = 0; k < 1024; k += 8) {
                guest.put(A + k, random.nextLong());
                guest.put(B + k, random.nextLong());
                guest.put(C + k, random.nextLong());
            }
            int[][] want = new int[rows][cols];
            for (int m = 0; m < rows; m++)
                for (int n = 0; n < cols; n++) {
                    want[m][n] = guest.ram.get(ValueLayout.JAVA_INT, C + 64 * m + 4 * n);
                    for (int k = 0; k < 4 * inner; k++) {
                        int x = guest.ram.get(ValueLayout.JAVA_BYTE, A + 64 * m + k);
                        int y = guest.ram.get(ValueLayout.JAVA_BYTE, B + 64 * (k / 4) + 4 * n + k % 4);
                        want[m][n] += ((op & 2) == 0 ? x : x & 0xff) * ((op & 1) == 0 ? y : y & 0xff);
                    }
                }
            assertThat(run(LDTILECFG + LOAD + ops[op] + STORE)).isZero();
            for (int m = 0; m < rows; m++)
                for (int n = 0; n < cols; n++)
                    assertThat(guest.ram.get(ValueLayout.JAVA_INT, C + 64 * m + 4 * n))
                            .isEqualTo(want[m][n]);
        }
    }

    @Test
    void bf16_dot_products_add_even_and_odd_pairs_apart() {
        config(1, 1, 1);
        // (1.5 * 2 even) + (3 * -4 odd) + 10
        guest.put(A, 0x4040_3fc0L);
        guest.put(B, 0xc080_4000L);
        guest.put(C, Float.floatToRawIntBits(10f));
        assertThat(run(LDTILECFG + LOAD + "c4 e2 6a 5c c1" + STORE)).isZero();
        assertThat(guest.ram.get(ValueLayout.JAVA_FLOAT, C)).isEqualTo(1f);
    }

    @Test
    void a_tile_that_is_not_configured_is_ud_before_nm() {
        guest.cpu.xfd().set(TILEDATA);
        assertThat(run(TILEZERO)).isEqualTo(UD);
        assertThat(guest.cpu.xfdErr().get()).isZero();
        config(4, 4, 4);
        assertThat(run(LDTILECFG + TILEZERO)).isEqualTo(NM);
        assertThat(guest.cpu.xfdErr().get()).isEqualTo(TILEDATA);
    }

    @Test
    void configuring_storing_the_configuration_and_releasing_work_under_xfd() {
        guest.cpu.xfd().set(TILEDATA);
        config(4, 4, 4);
        assertThat(run(LDTILECFG + "48 8d b6 00 01 00 00" + STTILECFG)).isZero();
        for (int k = 0; k < 64; k += 8) assertThat(guest.word(CFG + 256 + k)).isEqualTo(guest.word(CFG + k));
        assertThat(run(TILERELEASE)).isZero();
        assertThat(guest.cpu.fpregs().get(XsaveInstructions.BV) & XsaveLayout.XFEATURE_TILE)
                .isZero();
    }

    @Test
    void an_illegal_configuration_is_gp_and_tiles_without_xcr0_are_ud() {
        config(4, 4, 4);
        set(CFG, 2);
        assertThat(run(LDTILECFG)).isEqualTo(GP);
        guest.cpu.xcr0().set(0x2e7);
        assertThat(run(TILERELEASE)).isEqualTo(UD);
    }

    @Test
    void dot_products_of_shapes_that_do_not_fit_are_ud() {
        config(4, 4, 4);
        set(CFG + 48 + 2, 5);
        assertThat(run(LDTILECFG + "c4 e2 6b 5e c1")).isEqualTo(UD);
        config(4, 4, 4);
        assertThat(run(LDTILECFG + "c4 e2 7b 5e c1")).as("the same tile twice").isEqualTo(UD);
    }

    @Test
    void xgetbv_1_follows_the_use_of_tiles() {
        config(4, 4, 4);
        String ask = "b9 01 00 00 00 0f 01 d0";
        assertThat(run(LDTILECFG + ask)).isZero();
        assertThat(guest.rax() & XsaveLayout.XFEATURE_TILE).isEqualTo(1L << 17);
        assertThat(run(LDTILECFG + TILEZERO + ask)).isZero();
        assertThat(guest.rax() & XsaveLayout.XFEATURE_TILE).isEqualTo(3L << 17);
        assertThat(run(TILERELEASE + ask)).isZero();
        assertThat(guest.rax() & XsaveLayout.XFEATURE_TILE).isZero();
    }

    @Test
    void tiles_survive_xsavec_and_xrstor_and_the_latter_is_nm_under_xfd() {
        config(4, 4, 4);
        for (int k = 0; k < 1024; k += 8) guest.put(C + k, 0x0102030405060708L * (k + 1));
        String pointer = "ba 00 00 00 00 be 00 00 03 00";
        String xsavec = pointer + "0f c7 26", xrstor = pointer + "0f ae 2e";
        assertThat(run(LDTILECFG + LOAD + xsavec + TILERELEASE + xrstor)).isZero();
        long[] fp = guest.cpu.fpregs().raw();
        int tile0 = guest.cpu.xsave().layout().component(XsaveLayout.TILEDATA).offset() / 8;
        assertThat(fp[tile0]).isEqualTo(guest.word(C));
        assertThat(guest.word(0x30000 + 520)).isEqualTo(0x80000000000602e7L);
        guest.cpu.xfd().set(TILEDATA);
        assertThat(run(xrstor)).isEqualTo(NM);
        assertThat(guest.cpu.xfdErr().get()).isEqualTo(TILEDATA);
    }

    @Test
    void without_osxsave_xsave_is_ud_and_with_ts_it_is_nm() {
        String xsave = "be 00 00 03 00 0f ae 26";
        guest.state.cr.set(0, guest.state.cr.get(0) | X86State.CR0_TS);
        assertThat(run(xsave)).isEqualTo(NM);
        assertThat(run("0f 58 c1")).as("ADDPS").isEqualTo(NM);
        guest.state.cr.set(4, guest.state.cr.get(4) & ~(X86State.CR4_OSXSAVE | X86State.CR4_OSFXSR));
        assertThat(run(xsave)).isEqualTo(UD);
        assertThat(run("0f 58 c1")).as("ADDPS").isEqualTo(UD);
    }

    @Test
    void x87_moves_and_conversions_are_exact() {
        guest.put(CFG, Double.doubleToRawLongBits(-2.5));
        // fninit; fld m64 [rsi]; fld st0; fistp m32 [rsi+8]; fstp m80 [rsi+16]; fild m32 [rsi+8]; fstp m32 [rsi+32]
        String code = "db e3 dd 06 d9 c0 db 5e 08 db 7e 10 db 46 08 d9 5e 20";
        assertThat(run(code)).isZero();
        assertThat((int) guest.word(CFG + 8)).isEqualTo(-2);
        assertThat(guest.word(CFG + 16)).isEqualTo(0xa000000000000000L);
        assertThat(guest.word(CFG + 24) & 0xffff).isEqualTo(0xc000);
        assertThat(guest.ram.get(ValueLayout.JAVA_FLOAT, CFG + 32)).isEqualTo(-2f);
    }

    @Test
    void zmm_and_opmask_registers_move_and_are_saved() {
        for (int k = 0; k < 64; k += 8) guest.put(B + k, 0x1111111111111111L * (k / 8 + 1));
        fp()[VecOp.XMM + 6] = 5;
        // vmovdqu64 zmm17, [rcx]; vpxorq zmm3, zmm17, [rcx]; vmovdqu64 [rdx+64], zmm17; kmovw k2, eax; kmovw ebp, k2
        String code = "62 e1 fe 48 6f 09 62 f1 f5 40 ef 19 62 e1 fe 48 7f 4a 01 c5 f8 92 d0 c5 f8 93 ea";
        assertThat(run(code)).isZero();
        long[] fp = guest.cpu.fpregs().raw();
        XsaveLayout layout = guest.cpu.xsave().layout();
        int high = layout.component(XsaveLayout.HI16_ZMM).offset() / 8;
        for (int k = 0; k < 8; k++) assertThat(fp[high + 8 + k]).isEqualTo(0x1111111111111111L * (k + 1));
        for (int k = 0; k < 8; k++) assertThat(guest.word(C + 64 + 8 * k)).isEqualTo(0x1111111111111111L * (k + 1));
        assertThat(fp[VecOp.XMM + 6]).as("a value xor itself").isZero();
        assertThat(guest.state.gpr.get(5)).isEqualTo(0x02e7);
        assertThat(fp[XsaveInstructions.BV] & 0xe0).isEqualTo(0xe0);
    }

    @Test
    void pkru_is_written_and_read_with_cr4_pke() {
        String code = "31 c9 31 d2 b8 55 00 00 00 0f 01 ef 31 c0 0f 01 ee";
        assertThat(run(code)).isEqualTo(UD);
        guest.state.cr.set(4, guest.state.cr.get(4) | X86State.CR4_PKE);
        assertThat(run(code)).isZero();
        assertThat(guest.rax()).isEqualTo(0x55);
    }
}
