package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import java.util.ArrayList;
import java.util.List;

/** What a client can ask of one kernel without running a guest, as lines of text. */
final class X86ClientView {
    private static final int CHECK_EXTENSION = IoctlTable.io(0x03), CREATE_VCPU = IoctlTable.io(0x41);
    private static final int SUPPORTED_CPUID = IoctlTable.iowr(0x05, 8), HV_CPUID = IoctlTable.iowr(0xc1, 8);
    private static final int SET_CPUID2 = IoctlTable.iow(0x90, 8), GET_CPUID2 = IoctlTable.iowr(0x91, 8);
    private static final int MSR_LIST = IoctlTable.iowr(0x02, 4), GET_MSRS = IoctlTable.iowr(0x88, 8);
    private static final int SET_MSRS = IoctlTable.iow(0x89, 8), ENABLE_CAP = IoctlTable.iow(0xa3, 104);
    private static final int GET_ATTR = IoctlTable.iow(0xe2, 24), HAS_ATTR = IoctlTable.iow(0xe3, 24);
    private static final int PMU_FILTER = IoctlTable.iow(0xb2, 32), CREATE_PIT2 = IoctlTable.iow(0x77, 64);
    private static final int GET_SREGS = IoctlTable.ior(0x83, 312), SET_SREGS = IoctlTable.iow(0x84, 312), CR4 = 248;
    private static final int SET_NESTED = IoctlTable.iow(0xbf, 128), SIGNAL_MSI = IoctlTable.iow(0xa5, 32);
    private static final int LAST_CAPABILITY = 260;
    private static final int[] WRITTEN = {0x10, 0x49, 0x175, 0x9e, 0x10a, 0xda0, 0xc0000103, 0xc0010015, 0x40000118};

    private final TestClient c;
    private final List<String> lines = new ArrayList<>();

    private X86ClientView(String machine, KernelVersion kernel) {
        this.c = new TestClient(machine, kernel);
    }

    static List<String> of(String machine, KernelVersion kernel) {
        X86ClientView v = new X86ClientView(machine, kernel);
        v.system();
        Vm vm = v.c.newVm();
        v.vm(vm);
        v.fresh(v.c.newVcpu(v.c.newVm(), 0));
        v.vcpu(v.c.newVcpu(v.c.newVm(), 0));
        v.messages(v.c.newVm());
        return v.lines;
    }

    private void line(String what, Object... value) {
        lines.add(what + " " + List.of(value));
    }

    /** An ioctl and the whole structure after it. */
    private void struct(String what, KvmFile file, int command, Bytes b) {
        line(what, c.ioctl(file, command, b), List.of(box(c.after(16 + 40 * 80).array())));
    }

    private static Byte[] box(byte[] b) {
        Byte[] all = new Byte[b.length];
        for (int i = 0; i < b.length; i++) all[i] = b[i];
        return all;
    }

    private void system() {
        for (long n = 0; n < LAST_CAPABILITY; n++) line("cap " + n, c.ioctl(c.kvm(), CHECK_EXTENSION, n));
        struct("cpuid", c.kvm(), SUPPORTED_CPUID, new Bytes(8).u32(0, 80));
        struct("hyper-v", c.kvm(), HV_CPUID, new Bytes(8).u32(0, 80));
        struct("MSRs", c.kvm(), MSR_LIST, new Bytes(4).u32(0, 400));
        for (int group = 0; group < 2; group++)
            for (int n = 0; n < 4; n++)
                line(
                        "attr",
                        group,
                        n,
                        c.ioctl(c.kvm(), HAS_ATTR, new Bytes(24).u32(4, group).u64(8, n)));
        line("attr at -1", c.ioctl(c.kvm(), GET_ATTR, new Bytes(24).u64(16, -1)));
    }

    private void vm(Vm vm) {
        for (long n = 0; n < LAST_CAPABILITY; n++) line("vm cap " + n, c.ioctl(vm, CHECK_EXTENSION, n));
        line("boot cpu", c.ioctl(vm, IoctlTable.io(0x78), 1 << 20));
        line("boot cpu 7", c.ioctl(vm, IoctlTable.io(0x78), 7));
        line("max id", c.ioctl(vm, ENABLE_CAP, new Bytes(104).u32(0, 128).u64(8, 5)));
        line("pages", c.ioctl(vm, IoctlTable.io(0x45), 0));
        line("pit", c.ioctl(vm, CREATE_PIT2, new Bytes(64)));
        struct("masked filter", vm, PMU_FILTER, new Bytes(40).u32(4, 1).u32(12, 1));
        line("vcpu 1 << 32", c.ioctl(vm, CREATE_VCPU, 1L << 32));
    }

    /** A vCPU without CPUID: CR4.SMAP; nothing nested and no interrupts. */
    private void fresh(Vcpu v) {
        c.ioctl(v, GET_SREGS, new Bytes(312));
        Bytes sregs = c.after(312);
        line("smap", c.ioctl(v, SET_SREGS, sregs.u64(CR4, sregs.u64(CR4) | 1 << 21)));
        line("gif", c.ioctl(v, SET_NESTED, new Bytes(128).u16(2, 1).u32(4, 128)));
    }

    /** A message to a logical destination while no local APIC is enabled. */
    private void messages(Vm vm) {
        c.ioctl(vm, IoctlTable.io(0x60), 0);
        c.newVcpu(vm, 0);
        line("message", c.ioctl(vm, SIGNAL_MSI, new Bytes(32).u32(0, 0xfee01004).u32(8, 0x31)));
    }

    private void vcpu(Vcpu v) {
        struct("x2APIC", v, GET_MSRS, new Bytes(24).u32(0, 1).u32(8, 0x802).u64(16, 77));
        // A guest of no vendor.
        c.ioctl(v, SET_MSRS, new Bytes(24).u32(0, 1).u32(8, 0x175).u64(16, 1L << 40));
        struct("sysenter", v, GET_MSRS, new Bytes(24).u32(0, 1).u32(8, 0x175));
        c.ioctl(c.kvm(), SUPPORTED_CPUID, new Bytes(8).u32(0, 80));
        line("set cpuid", c.ioctl(v, SET_CPUID2, TestClient.BASE));
        struct("get cpuid", v, GET_CPUID2, new Bytes(8).u32(0, 80));
        long[] values = {0, 1 << 24, 0xffff_ffff_8000_0000L, 1L << 40};
        for (int msr : WRITTEN)
            for (long x : values) {
                line(
                        "write",
                        msr,
                        x,
                        c.ioctl(v, SET_MSRS, new Bytes(24).u32(0, 1).u32(8, msr).u64(16, x)));
                struct("read", v, GET_MSRS, new Bytes(24).u32(0, 1).u32(8, msr).u64(16, 77));
            }
        struct(
                "one reg",
                v,
                IoctlTable.iow(0xab, 16),
                new Bytes(16).u64(0, 0x2030_0002_0000_0010L).u64(8, TestClient.BASE));
        line("prefault", c.ioctl(v, IoctlTable.iowr(0xd5, 64), new Bytes(64).u64(8, 4096)));
    }
}
