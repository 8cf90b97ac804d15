package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.OneReg.View;

/**
 * V registers through the core class as the RFC of {@code one-reg-rfc} had them on vCPUs with SVE: the low 128 bits of Z, of
 * which a call may read or write a part, in units of 32 bits, of one register.
 */
final class OneRegRfc {
    private static final int V_WORDS = 4;

    private OneRegRfc() {}

    /** The kind is decided first: something inside of the vectors that is not one whole V register. */
    static boolean isPart(int offset, int size) {
        boolean vector = offset >= OneReg.VREGS && offset < OneReg.FPSR;
        return vector && ((offset - OneReg.VREGS) % V_WORDS != 0 || size != 4 * V_WORDS);
    }

    static View part(Vcpu v, int offset, int size) {
        int in = (offset - OneReg.VREGS) % V_WORDS, n = (offset - OneReg.VREGS) / V_WORDS;
        // First and last word lie in different registers; in is below 4 and size a power of two up to 2^15: no
        // overflow.
        if (size % 4 != 0 || in + size / 4 > V_WORDS) return OneReg.refused(Errno.EINVAL);
        View whole = OneReg.cells(v.context().fp().z(), n * v.context().fp().zStride(), 4 * V_WORDS, 0);
        int at = v.kvm().has(Patch.ONE_REG_RFC_PART_OFFSET) ? 4 * in : 0;
        return OneReg.through(size, new Part(whole, at));
    }

    private record Part(View whole, int at) implements OneReg.Accessor {
        @Override
        public long get(Vcpu v, Bytes b) {
            Bytes all = new Bytes(whole.size());
            OneReg.read(v, whole, all);
            for (int i = 0; i < b.size(); i++) b.u8(i, all.u8(at + i));
            return 0;
        }

        @Override
        public long set(Vcpu v, Bytes b) {
            Bytes all = new Bytes(whole.size());
            OneReg.read(v, whole, all);
            for (int i = 0; i < b.size(); i++) all.u8(at + i, b.u8(i));
            return OneReg.write(v, whole, all);
        }
    }
}
