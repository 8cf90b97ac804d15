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
    /** ID_AA64PFR0_EL1: op0 3, op1 0, CRn 0, CRm 4, op2 0; fields of it. */
    private static final long ID_AA64PFR0 = 0x6030_0000_0013_c020L;

    static final long DIT = 0xfL << 48, CSV2 = 0xfL << 56;

    private final InProcessClient client;
    private final Vcpu vcpu;
    private final VmmMemory memory;
    private final IdGhost ids;
    private final long buffer;

    /** @param ids of its VM */
    VmmThread(InProcessClient client, Vcpu vcpu, VmmMemory memory, IdGhost ids) {
        this.ids = ids;
        this.client = client;
        this.vcpu = vcpu;
        this.memory = memory;
        this.buffer = memory.allocate(64);
    }

    long vcpuId() {
        return vcpu.id();
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

    /**
     * KVM_SET_ONE_REG takes a field from the guests; 0 and EBUSY are right, each with what is read then. Where another
     * thread writes meanwhile, what is read may be its value, whole, as well.
     */
    void lower(long field) {
        IdGhost.Write write = ids.begins();
        long before = read(), wanted = before & ~field;
        write.wants(wanted);
        memory.set(buffer + 16, 8, wanted);
        long r = oneReg(0xac), now = read();
        boolean right = r == 0 && IdGhost.same(now, wanted) || r == Errno.EBUSY && IdGhost.same(now, before);
        if (!right && !((r == 0 || r == Errno.EBUSY) && write.mayRead(now)))
            throw new Violation(
                    Arm64Properties.ID_WRITTEN,
                    "KVM_SET_ONE_REG answers " + r + ", ID_AA64PFR0_EL1 then reads 0x" + Long.toHexString(now));
        write.ends(r == 0);
    }
}
