package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.CoalescedZone;
import dev.worldswitch.kvm.IoEvent;
import dev.worldswitch.kvm.KvmEvents.Mmio;
import dev.worldswitch.kvm.x86.RunState.Completion;
import dev.worldswitch.machine.x86.MmioQueue;
import dev.worldswitch.machine.x86.X86Exit;

/** Memory-mapped I/O in pieces: each goes to the local APIC or to user space, one exit a piece. */
final class MmioExits {
    private final VcpuRun run;
    private final RunState rs;
    private final Vm vm;

    MmioExits(VcpuRun run) {
        this.run = run;
        this.rs = run.runState();
        this.vm = run.vcpu().vm();
    }

    private MmioQueue queue() {
        return run.entry().interpreter().mmio();
    }

    long handleRead(X86Exit e) {
        Lapic lapic = run.vcpu().lapic();
        if (lapic.owns(e.gpa)) {
            return answer(e, lapic.mmioRead((int) (e.gpa & 0xfff), e.size));
        }
        if (vm.chips().ioapic().owns(e.gpa)) {
            return answer(e, vm.chips().ioapic().read(e.gpa));
        }
        rs.mmioGpa.set(e.gpa);
        rs.mmioSize.set(e.size);
        run.page().mmio(e.gpa, e.size, false, 0);
        trace(Mmio.READ_UNSATISFIED, e.size, e.gpa, 0);
        rs.complete(Completion.MMIO_READ);
        return 0;
    }

    /** A chip in the kernel has answered. */
    private long answer(X86Exit e, long value) {
        trace(Mmio.READ, e.size, e.gpa, value);
        queue().answer(value);
        return finish();
    }

    /** The instruction reads again from the start of its operands, finds the answers so far, and goes on to its end. */
    long completeRead() {
        int size = (int) rs.mmioSize.get();
        long value = run.page().mmioData(size);
        trace(Mmio.READ, size, rs.mmioGpa.get(), value);
        queue().answer(value);
        return finish();
    }

    private long finish() {
        return run.exits().emulator().resume();
    }

    /** The instruction is done; its writes go out one after the other. */
    long handleWrite(X86Exit e) {
        return nextWrite();
    }

    long completeWrite() {
        queue().nextWrite();
        return nextWrite();
    }

    private long nextWrite() {
        MmioQueue q = queue();
        Lapic lapic = run.vcpu().lapic();
        while (q.hasWrite()) {
            trace(Mmio.WRITE, q.size(), q.gpa(), q.data());
            if (lapic.owns(q.gpa())) lapic.mmioWrite((int) (q.gpa() & 0xfff), q.size(), q.data());
            else if (!takenByKernel(q)) break;
            q.nextWrite();
        }
        if (!q.hasWrite()) return 1;
        run.page().mmio(q.gpa(), q.size(), true, q.data());
        rs.complete(Completion.MMIO_WRITE);
        return 0;
    }

    /** Devices on the VM's bus. */
    private boolean takenByKernel(MmioQueue q) {
        Ioapic ioapic = vm.chips().ioapic();
        if (!ioapic.owns(q.gpa()))
            return IoEvent.signals(vm, false, q.gpa(), q.size(), q.data())
                    || CoalescedZone.takes(vm, false, q.gpa(), q.size(), q.data());
        ioapic.write(q.gpa(), q.size(), q.data());
        return true;
    }

    private void trace(Mmio type, int size, long gpa, long value) {
        Trace t = run.trace();
        if (t != null) t.kvmMmio(run.vcpu(), type, size, gpa, value);
    }
}
