package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;

/** The register page of a local APIC (SDM vol. 3, table 12-1): state only; it delivers no interrupts. */
public final class Lapic {
    private static final int SIZE = 1024;
    public static final int ID = 0x20, LVR = 0x30, TPR = 0x80, DFR = 0xe0, SPIV = 0xf0, LVTT = 0x320, LVT0 = 0x350;
    private static final int MASKED = 0x10000, VERSION = 0x50014;
    private final Words page;
    private final Vcpu vcpu;

    Lapic(Region region, Vcpu vcpu) {
        this.vcpu = vcpu;
        this.page = region.words("page", SIZE / 8);
        set(LVR, VERSION);
        set(DFR, -1);
        set(SPIV, 0xff);
        for (int i = 0; i < 6; i++) set(LVTT + i * 0x10, MASKED);
        // LINT0 of the boot CPU is open for the PIC, as a BIOS would leave it (KVM_X86_QUIRK_LINT0_REENABLED).
        if (vcpu.id() == vcpu.vm().bootCpuId() && vcpu.vm().hasQuirk(EnableCap.QUIRK_LINT0_REENABLED)) set(LVT0, 0x700);
        set(ID, vcpu.id() << 24);
    }

    public int get(int register) {
        long w = page.get(register / 8);
        return (int) (w >>> (register & 4) * 8);
    }

    public void set(int register, int value) {
        int shift = (register & 4) * 8;
        page.set(register / 8, page.get(register / 8) & ~(0xffffffffL << shift) | (value & 0xffffffffL) << shift);
    }

    boolean x2apic() {
        return (vcpu.apicBase().get() & 0xc00) == 0xc00;
    }

    /** IA32_APIC_BASE was written: in x2APIC mode the id register has all 32 bits. */
    void baseChanged() {
        set(ID, x2apic() ? vcpu.id() : vcpu.id() << 24);
    }

    static void rows(Rows t) {
        t.vcpu("KVM_GET_LAPIC", ior(0x8e, SIZE), 0, "api.rst 4.57", (v, c) -> {
            if (!v.vm().lapicInKernel()) return Errno.EINVAL;
            Bytes b = new Bytes(SIZE);
            for (int i = 0; i < SIZE; i += 8) b.u64(i, v.lapic().page.get(i / 8));
            return c.out(b.u32(TPR, (v.state().cr.get(8) & 15) << 4));
        });
        t.vcpu("KVM_SET_LAPIC", iow(0x8f, SIZE), 0, "api.rst 4.58", Lapic::setPage);
    }

    private static long setPage(Vcpu v, Call call) {
        if (!v.vm().lapicInKernel()) return Errno.EINVAL;
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if (v.lapic().x2apic() && b.u32(ID) != v.id() && b.u32(ID) != v.id() << 24) return Errno.EINVAL;
        for (int i = 0; i < SIZE; i += 8) v.lapic().page.set(i / 8, b.u64(i));
        v.lapic().set(LVR, VERSION);
        v.state().cr.set(8, b.u32(TPR) >> 4 & 15);
        return 0;
    }
}
