package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.machine.x86.X86State;

/** What state ioctls and reset do differently on VMX and SVM. */
enum Vendor {
    VMX {
        @Override
        long resetAttr(int segment) {
            return switch (segment) {
                case X86State.CS -> 0x9b;
                case X86State.TR -> 0x8b;
                case X86State.LDTR -> 0x82;
                default -> 0x93;
            };
        }

        @Override
        long storedAttr(int segment, long attr, boolean unusable) {
            if (unusable) return X86State.ATTR_UNUSABLE;
            // With unrestricted guests the accessed bit of a loaded segment is always set (SDM vol. 3, 26.3.1.2).
            return segment == X86State.LDTR ? attr : attr | 1;
        }

        @Override
        long shownType(int segment, long attr) {
            return attr & 15;
        }

        @Override
        long shownShadow(long shadow) {
            return shadow;
        }
    },
    SVM {
        @Override
        long resetAttr(int segment) {
            return switch (segment) {
                case X86State.CS -> 0x9a;
                case X86State.TR -> 0x83;
                case X86State.LDTR -> 0x82;
                default -> 0x92;
            };
        }

        @Override
        long storedAttr(int segment, long attr, boolean unusable) {
            return unusable ? attr & ~X86State.ATTR_P | X86State.ATTR_UNUSABLE : attr;
        }

        @Override
        long shownType(int segment, long attr) {
            // What VMX requires at entry is put in, so that state can move to an Intel host.
            return switch (segment) {
                case X86State.TR -> attr & 15 | 2;
                case X86State.DS, X86State.ES, X86State.FS, X86State.GS ->
                    (attr & X86State.ATTR_P) != 0 ? attr & 15 | 1 : attr & 15;
                default -> attr & 15;
            };
        }

        @Override
        long shownShadow(long shadow) {
            // SVM has one shadow for both kinds (APM vol. 2, 15.21.5).
            return shadow != 0 ? 3 : 0;
        }
    };

    abstract long resetAttr(int segment);

    abstract long storedAttr(int segment, long attr, boolean unusable);

    abstract long shownType(int segment, long attr);

    abstract long shownShadow(long shadow);

    /** Writes struct kvm_segment. */
    void getSegment(X86State s, int n, Bytes b, int at) {
        long attr = s.segAttr.get(n), limit = s.segLimit.get(n) & 0xffffffffL;
        boolean unusable = (attr & X86State.ATTR_UNUSABLE) != 0 || this == SVM && (attr & X86State.ATTR_P) == 0;
        b.u64(at, s.segBase.get(n)).u32(at + 8, limit).u16(at + 12, s.segSelector.get(n));
        b.u8(at + 14, shownType(n, attr)).u8(at + 15, unusable ? 0 : 1);
        b.u8(at + 16, attr >> 5 & 3);
        // SVM's CPUs may leave D/B in an unusable SS, which VMX does not take.
        boolean db = (attr >> 14 & 1) != 0 && !(this == SVM && n == X86State.SS && unusable);
        b.u8(at + 17, db ? 1 : 0).u8(at + 18, attr >> 4 & 1).u8(at + 19, attr >> 13 & 1);
        b.u8(at + 20, this == SVM ? (limit > 0xfffff ? 1 : 0) : attr >> 15 & 1);
        b.u8(at + 21, attr >> 12 & 1).u8(at + 22, unusable ? 1 : 0);
    }

    /** Reads struct kvm_segment. */
    void setSegment(X86State s, int n, Bytes b, int at) {
        boolean unusable = b.u8(at + 22) != 0 || b.u8(at + 15) == 0;
        long attr = b.u8(at + 14) & 15
                | (b.u8(at + 18) & 1) << 4
                | (b.u8(at + 16) & 3) << 5
                | (b.u8(at + 15) & 1) << 7
                | (b.u8(at + 21) & 1) << 12
                | (b.u8(at + 19) & 1) << 13
                | (b.u8(at + 17) & 1) << 14
                | (b.u8(at + 20) & 1) << 15;
        s.segBase.set(n, b.u64(at));
        s.segLimit.set(n, b.u32(at + 8) & 0xffffffffL);
        s.segSelector.set(n, b.u16(at + 12));
        s.segAttr.set(n, storedAttr(n, attr, unusable));
    }
}
