package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.translate.TlbMemory;
import java.lang.foreign.MemorySegment;

/**
 * Operation classes of memory copy and set, by the algorithm that the Arm ARM calls option A: between the three instructions
 * the size is negative and addresses are ends, but for a copy from the last byte on. The prologue goes to the end of a page, the
 * main instruction leaves less than a page. Each page that is done is in the registers, so a fault or an interrupt goes on
 * where it was.
 */
final class MopsOps {
    /** Bytes that a main instruction does before lines and kicks are looked for. */
    private static final long STRETCH = 1 << 16;

    private static final int SCTLR = SysReg.SCTLR_EL1.ordinal(), HCRX = SysReg.HCRX_EL2.ordinal();
    private static final long SCTLR_MSCEN = 1L << 33, HCRX_MSCEN = 1L << 11, HCRX_MCE2 = 1L << 10;

    /** ISS of a Memory Copy and Memory Set exception. */
    private static final int SET = 1 << 24, EPILOGUE = 1 << 18, WRONG_OPTION = 1 << 17, OPTION_A = 1 << 16;

    private MopsOps() {}

    enum Stage {
        PROLOGUE("P"),
        MAIN("M"),
        EPILOGUE("E");

        final String letter;

        Stage(String letter) {
            this.letter = letter;
        }
    }

    /** The largest size that a prologue takes for itself. */
    static long saturated(long size, long largest) {
        return Long.compareUnsigned(size, largest) > 0 ? largest : size;
    }

    /** CPYP: whether the destination starts inside the source; tags of addresses do not count. */
    static boolean startsInside(long to, long from, long size) {
        long address = (1L << 56) - 1;
        return (from & address) < (to & address) && (from + size & address) > (to & address);
    }

    private static long least(long a, long b) {
        return Long.compareUnsigned(a, b) < 0 ? a : b;
    }

    /** Bytes from {@code va} to the end of its page. */
    static long ahead(long va) {
        return 4096 - (va & 0xfff);
    }

    /** Bytes from the start of its page to {@code va}, itself included. */
    static long behind(long va) {
        return (va & 0xfff) + 1;
    }

    /** {@code d} is the destination, {@code n} the size, {@code m} the source (an address or a byte), {@code a} the options. */
    abstract static class Op extends A64Op {
        final Stage stage;

        Op(Stage stage) {
            this.stage = stage;
        }

        @Override
        public final boolean ends() {
            return stage == Stage.MAIN;
        }

        @Override
        public final void exec(Arm64Interpreter c) {
            if ((c.sys[HCRX] & HCRX_MSCEN) == 0 || c.el == 0 && (c.sys[SCTLR] & SCTLR_MSCEN) == 0) throw c.undefined();
            if (stage == Stage.PROLOGUE) {
                prologue(c);
                c.setNzcv(0);
                return;
            }
            long left = c.x[n];
            if (left == 0) return;
            if (c.fc != 0) throw mismatch(c, WRONG_OPTION);
            if (stage == Stage.EPILOGUE) {
                if (Long.compareUnsigned(magnitude(left), 4096) >= 0) throw mismatch(c, 0);
                go(c, 1, Long.MAX_VALUE);
            } else if (!go(c, 4096, STRETCH)) {
                c.pc = pc;
                c.retired--;
            }
        }

        /** Size, of which {@code left} is the register's form. */
        abstract long magnitude(long left);

        abstract void prologue(Arm64Interpreter c);

        /** Goes on until fewer than {@code enough} bytes are left; false when {@code most} bytes are done before. */
        abstract boolean go(Arm64Interpreter c, long enough, long most);

        abstract int kind();

        private Stop mismatch(Arm64Interpreter c, int how) {
            int iss = kind() | a << 19 | (stage == Stage.EPILOGUE ? EPILOGUE : 0) | how | OPTION_A;
            iss |= d << 10 | (word >>> 16 & 31) << 5 | n;
            boolean to2 = c.el == 1 && (c.sys[HCRX] & HCRX_MCE2) != 0;
            return to2 ? c.trap2(Exceptions.MOPS, iss) : c.exception(Exceptions.MOPS, iss);
        }

        /** Host address for {@code size} bytes of one page, with the rights that the option {@code user} means. */
        static long host(Arm64Interpreter c, long va, long size, boolean write, boolean user) {
            long saved = c.access;
            if (user) c.unprivileged();
            try {
                return c.within(va, (int) size, write ? Mmu.WRITE : Mmu.READ);
            } finally {
                c.access = saved;
            }
        }

        /** What is done at once: no more than is asked for and lies in a page; a byte where a watchpoint may be hit. */
        static long piece(Arm64Interpreter c, long asked, long inPage) {
            return c.watching ? 1 : least(asked, inPage);
        }
    }

    /** SETP, SETM, SETE. */
    static final class Fill extends Op {
        Fill(Stage stage) {
            super(stage);
        }

        @Override
        int kind() {
            return SET;
        }

        @Override
        long magnitude(long left) {
            return -left;
        }

        @Override
        void prologue(Arm64Interpreter c) {
            long to = c.x[d], size = saturated(c.x[n], Long.MAX_VALUE), part = least(size, ahead(to));
            c.x[n] = size;
            while (part != 0) {
                long k = step(c, to, part);
                to += k;
                size -= k;
                part -= k;
                c.x[d] = to;
                c.x[n] = size;
            }
            c.x[d] = to + size;
            c.x[n] = -size;
        }

        @Override
        boolean go(Arm64Interpreter c, long enough, long most) {
            long to = c.x[d] + c.x[n], size = -c.x[n], rest = size & enough - 1, done = 0;
            while (size != rest) {
                if (done >= most) return false;
                long k = step(c, to, size - rest);
                to += k;
                size -= k;
                done += k;
                c.x[n] = -size;
            }
            return true;
        }

        private long step(Arm64Interpreter c, long to, long asked) {
            long k = piece(c, asked, ahead(to));
            long at = host(c, to, k, true, (a & 1) != 0);
            TlbMemory.HOST.asSlice(at, k).fill((byte) c.x[m]);
            return k;
        }
    }

    /** CPYFP, CPYFM, CPYFE, and with {@code overlaps} CPYP, CPYM, CPYE. */
    static final class Copy extends Op {
        private static final long LARGEST_MOVE = (1L << 55) - 1;
        private final boolean overlaps;

        Copy(Stage stage, boolean overlaps) {
            super(stage);
            this.overlaps = overlaps;
        }

        @Override
        int kind() {
            return 0;
        }

        @Override
        long magnitude(long left) {
            return forwards(left) ? -left : left;
        }

        private boolean forwards(long left) {
            return !overlaps || left < 0;
        }

        @Override
        void prologue(Arm64Interpreter c) {
            long to = c.x[d], from = c.x[m], size = saturated(c.x[n], overlaps ? LARGEST_MOVE : Long.MAX_VALUE);
            c.x[n] = size;
            if (overlaps && startsInside(to, from, size)) {
                long part = Math.min(behind(to + size - 1), behind(from + size - 1));
                backwards(c, Math.max(size - part, 0) + 1, size);
                return;
            }
            long part = least(size, Math.min(ahead(to), ahead(from)));
            while (part != 0) {
                long k = step(c, to, from, part);
                to += k;
                from += k;
                size -= k;
                part -= k;
                c.x[d] = to;
                c.x[m] = from;
                c.x[n] = size;
            }
            c.x[d] = to + size;
            c.x[m] = from + size;
            c.x[n] = -size;
        }

        @Override
        boolean go(Arm64Interpreter c, long enough, long most) {
            if (!forwards(c.x[n])) return backwards(c, enough, most);
            long left = c.x[n], done = 0;
            while (Long.compareUnsigned(-left, enough) >= 0) {
                if (done >= most) return false;
                long k = step(c, c.x[d] + left, c.x[m] + left, -left);
                left += k;
                done += k;
                c.x[n] = left;
            }
            return true;
        }

        private long step(Arm64Interpreter c, long to, long from, long asked) {
            long k = piece(c, asked, Math.min(ahead(to), ahead(from)));
            copy(c, to, from, k);
            return k;
        }

        /** From the last byte on: the registers stay the first bytes' addresses and what is left. */
        private boolean backwards(Arm64Interpreter c, long enough, long most) {
            long size = c.x[n], done = 0;
            while (size >= enough) {
                if (done >= most) return false;
                long to = c.x[d] + size - 1, from = c.x[m] + size - 1;
                long k = piece(c, size, Math.min(behind(to), behind(from)));
                copy(c, to - k + 1, from - k + 1, k);
                size -= k;
                done += k;
                c.x[n] = size;
            }
            return true;
        }

        private void copy(Arm64Interpreter c, long to, long from, long k) {
            long source = host(c, from, k, false, (a & 2) != 0), target = host(c, to, k, true, (a & 1) != 0);
            MemorySegment.copy(TlbMemory.HOST, source, TlbMemory.HOST, target, k);
        }
    }
}
