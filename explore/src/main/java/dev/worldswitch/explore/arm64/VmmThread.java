package dev.worldswitch.explore.arm64;

import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.arm64.Vcpu;

/** A second thread of a VMM, which configures the VM through another vCPU. */
final class VmmThread {
    /** ID_AA64PFR0_EL1: op0 3, op1 0, CRn 0, CRm 4, op2 0; its field DIT. */
    private static final long ID_AA64PFR0 = 0x6030_0000_0013_c020L, DIT = 0xfL << 48;

    private final InProcessClient client;
    private final Vcpu vcpu;
    private final VmmMemory memory;
    private final GuestScript guest;
    private final long buffer;

    /** @param guest one of its VM's */
    VmmThread(InProcessClient client, Vcpu vcpu, VmmMemory memory, GuestScript guest) {
        this.guest = guest;
        this.client = client;
        this.vcpu = vcpu;
        this.memory = memory;
        this.buffer = memory.allocate(64);
    }

    private long oneReg(int nr) {
        memory.set(buffer, 8, ID_AA64PFR0);
        memory.set(buffer + 8, 8, buffer + 16);
        return vcpu.ioctl(client, iow(nr, 16), buffer, new KvmFile.Made());
    }

    private long read() {
        long r = oneReg(0xab);
        if (r != 0) throw new Violation(Arm64Properties.ID_WRITTEN, "KVM_GET_ONE_REG answers " + r);
        return memory.get(buffer + 16, 8);
    }

    /** The first run takes the GIC field away at any time, as seen from here. */
    private static boolean same(long a, long b) {
        return ((a ^ b) & ~GuestScript.PFR0_GIC) == 0;
    }

    /** KVM_SET_ONE_REG takes DIT from the guests; 0 and EBUSY are right, each with what is read then. */
    void lowerId() {
        long before = read(), wanted = before & ~DIT;
        memory.set(buffer + 16, 8, wanted);
        long r = oneReg(0xac), now = read();
        boolean right = r == 0 ? same(now, wanted) : r == Errno.EBUSY && same(now, before);
        if (!right)
            throw new Violation(
                    Arm64Properties.ID_WRITTEN,
                    "KVM_SET_ONE_REG answers " + r + ", ID_AA64PFR0_EL1 then reads 0x" + Long.toHexString(now));
        if (r == 0) guest.idIs(wanted, "KVM_SET_ONE_REG took");
    }
}
