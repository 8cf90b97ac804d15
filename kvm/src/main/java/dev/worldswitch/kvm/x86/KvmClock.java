package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;

/**
 * A VM's clock as KVM_GET_CLOCK, the guests' clock pages and their wall clock show it (kvm/x86/msr.rst; get_kvmclock). On
 * hosts whose own clock is the TSC it is counted from one moment, the master clock's, in TSC cycles.
 */
final class KvmClock {
    static final int SIZE = 48, REALTIME = 4;
    private static final int TSC_STABLE = 2, HOST_TSC = 8;
    private static final long NSEC_PER_SEC = 1_000_000_000;

    /** pvclock's way from cycles to nanoseconds: {@code (cycles << shift) * mul >> 32}. */
    record Scale(int shift, long mul) {
        /** kvm_get_time_scale. */
        static Scale of(long khz) {
            long hz = khz * 1000;
            int shift = 0;
            while (hz > 2 * NSEC_PER_SEC || hz >>> 32 != 0) {
                hz >>>= 1;
                shift--;
            }
            while (hz <= NSEC_PER_SEC) {
                hz <<= 1;
                shift++;
            }
            return new Scale(shift, Long.divideUnsigned(NSEC_PER_SEC << 32, hz));
        }

        long nanoseconds(long cycles) {
            long scaled = shift < 0 ? cycles >>> -shift : cycles << shift;
            return Math.unsignedMultiplyHigh(scaled, mul) << 32 | scaled * mul >>> 32;
        }
    }

    private final Vm vm;
    private final Word offset, masterNs, masterTsc, masterReal, wallClock, oldMsr;

    KvmClock(Region r, Vm vm) {
        this.vm = vm;
        this.offset = r.word("offset");
        this.masterNs = r.word("masterNs");
        this.masterTsc = r.word("masterTsc");
        this.masterReal = r.word("masterReal");
        this.wallClock = r.word("wallClock");
        this.oldMsr = r.word("bootVcpuRunsOldKvmclock");
        update();
        // kvm_arch_init_vm: the VM's clock starts at 0.
        offset.set(-base());
    }

    private long now() {
        return vm.kvm().kernel().timing().now();
    }

    private long realtime() {
        return vm.kvm().kernel().timing().realtime();
    }

    /** The host's clock source is its TSC: only an invariant one can be. */
    boolean tscClocksource() {
        return (vm.kvm().profile().cpuid(0x8000_0007, 0).edx() >> 8 & 1) != 0;
    }

    /** use_master_clock. */
    boolean master() {
        return tscClocksource() && !vm.vcpus().get().all().isEmpty() && oldMsr.get() == 0;
    }

    /** pvclock_update_vm_gtod_copy: the three clocks at one moment. */
    void update() {
        masterNs.set(now());
        masterTsc.set(vm.kvm().hostTsc());
        masterReal.set(realtime());
    }

    private long base() {
        return master() ? masterNs.get() : now();
    }

    private long sinceMaster(long tsc) {
        return Scale.of(vm.kvm().profile().tscKhz()).nanoseconds(tsc - masterTsc.get());
    }

    /** get_kvmclock_ns. */
    long nanoseconds() {
        return base() + offset.get() + (master() ? sinceMaster(vm.kvm().hostTsc()) : 0);
    }

    /** KVM_GET_CLOCK. */
    long get(Call call) {
        Bytes b = new Bytes(SIZE);
        if (!master()) return call.out(b.u64(0, nanoseconds()));
        long tsc = vm.kvm().hostTsc(), since = sinceMaster(tsc);
        b.u64(0, base() + offset.get() + since).u32(8, TSC_STABLE | REALTIME | HOST_TSC);
        return call.out(b.u64(16, masterReal.get() + since).u64(24, tsc));
    }

    /** KVM_SET_CLOCK: with the real time of the saved clock, what went by since is added. */
    long set(Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        if ((b.u32(8) & ~(TSC_STABLE | REALTIME | HOST_TSC)) != 0) return Errno.EINVAL;
        long clock = b.u64(0);
        if ((b.u32(8) & REALTIME) != 0) clock += Math.max(0, realtime() - b.u64(16));
        update();
        offset.set(clock - base());
        vm.hyperv().requestTscPageUpdate();
        for (Vcpu v : vm.vcpus().get().all()) v.runLoop().kick(RunState.REQ_CLOCK_UPDATE);
        return 0;
    }

    // The guest's side.

    /** MSR_KVM_SYSTEM_TIME and its successor: vCPU 0 decides which of them the VM's kernel knows. */
    boolean systemTime(Vcpu v, long value, boolean old, boolean host) {
        if (v.id() == 0 && !host && (oldMsr.get() != 0) != old) {
            // Clock pages go on from where they were with the other way to count.
            long at = nanoseconds();
            oldMsr.set(old ? 1 : 0);
            update();
            offset.set(at - base());
        }
        v.systemTime().set(value);
        v.runLoop().kick(RunState.REQ_CLOCK_UPDATE);
        return true;
    }

    long wallClock() {
        return wallClock.get();
    }

    /** kvm_write_wall_clock: struct pvclock_wall_clock, the real time at which the VM's clock was 0. */
    boolean wallClock(Vcpu v, long gpa) {
        wallClock.set(gpa);
        Bytes b = gpa == 0 ? null : vm.memory().read(gpa, 4);
        if (b == null) return true;
        int version = b.u32(0) + (b.u32(0) & 1) + 1;
        if (!v.writeGuest(gpa, b.u32(0, version))) return true;
        long at = realtime() - nanoseconds();
        v.writeGuest(gpa + 4, new Bytes(8).u32(0, at / NSEC_PER_SEC).u32(4, at % NSEC_PER_SEC));
        v.writeGuest(gpa, b.u32(0, version + 1));
        return true;
    }

    /** KVM_REQ_MASTERCLOCK_UPDATE: all clocks from one new moment. */
    void masterClockUpdate() {
        update();
        for (Vcpu v : vm.vcpus().get().all()) v.runLoop().kick(RunState.REQ_CLOCK_UPDATE);
    }

    /** What a guest computes its time from: {@code (tsc - this.tsc) * scale + systemTime}. */
    record Parameters(long tsc, long systemTime, Scale scale, boolean stable) {}

    private Parameters parameters(Vcpu v) {
        boolean master = master();
        long tsc = master ? masterTsc.get() : vm.kvm().hostTsc();
        return new Parameters(
                v.guestTsc(tsc), base() + offset.get(), Scale.of(v.tscKhz().get()), master);
    }

    /** kvm_guest_time_update: struct pvclock_vcpu_time_info, its version odd meanwhile. */
    void writePage(Vcpu v) {
        Parameters p = parameters(v);
        if (v == vm.vcpus().get().all().get(0)) vm.hyperv().setupTscPage(p);
        if ((v.systemTime().get() & 1) == 0) return;
        long gpa = v.systemTime().get() & ~1L;
        Bytes page = vm.memory().read(gpa, 32);
        if (page == null) return;
        int version = page.u32(0) + (page.u32(0) & 1) + 1;
        if (!v.writeGuest(gpa, new Bytes(4).u32(0, version))) return;
        int stopped = v.guestStopped().get() != 0 ? GUEST_STOPPED : page.u8(29) & GUEST_STOPPED;
        v.guestStopped().set(0);
        page.u32(0, version).u64(8, p.tsc).u64(16, p.systemTime);
        page.u32(24, p.scale.mul).u8(28, p.scale.shift).u8(29, stopped | (p.stable ? PAGE_TSC_STABLE : 0));
        v.writeGuest(gpa, page);
        v.writeGuest(gpa, new Bytes(4).u32(0, version + 1));
    }

    /** PVCLOCK_GUEST_STOPPED, PVCLOCK_TSC_STABLE_BIT. */
    private static final int GUEST_STOPPED = 2, PAGE_TSC_STABLE = 1;

    /** KVM_KVMCLOCK_CTRL: only a guest that switched its clock page on can be told that it was paused. */
    static long ctrl(Vcpu v) {
        if ((v.systemTime().get() & 1) == 0) return Errno.EINVAL;
        v.guestStopped().set(1);
        v.runLoop().kick(RunState.REQ_CLOCK_UPDATE);
        return 0;
    }
}
