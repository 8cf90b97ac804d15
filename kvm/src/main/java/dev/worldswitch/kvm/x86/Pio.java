package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.CoalescedZone;
import dev.worldswitch.kvm.IoEvent;
import dev.worldswitch.kvm.x86.RunState.Completion;
import dev.worldswitch.machine.x86.Interpreter;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** IN, OUT, INS, OUTS: exits, and their completion by the next KVM_RUN. */
final class Pio {
    private static final long QUIRK_OUT_7E_INC_RIP = 8;
    /** Bytes of emulator read-ahead for REP INS (struct read_cache). */
    private static final int READ_AHEAD = 1024;

    private final VcpuRun run;
    private final X86State state;
    private final RunState rs;

    Pio(VcpuRun run) {
        this.run = run;
        this.state = run.vcpu().state();
        this.rs = run.runState();
    }

    long handle(X86Exit e) {
        rs.linearRip.set(run.linearRip());
        rs.length.set(e.length);
        rs.port.set(e.port);
        rs.size.set(e.size);
        rs.count.set(1);
        if (!e.string) return e.in ? in(e) : out(e);
        if (e.rep && (state.gpr.get(X86State.RCX) & addressMask(e)) == 0) {
            // The count ran out: nothing is transferred and the instruction is over.
            state.rflags.and(~X86State.RF);
            return run.exits().emulator().doneAndSkipped(e.length);
        }
        rs.address.set(e.gva);
        rs.addressMask.set(addressMask(e));
        rs.repeated.set(e.rep ? 1 : 0);
        return e.in ? ins(e) : outs(e);
    }

    /** em_out and em_in: as the intercepted instructions, but RIP is past an OUT already. */
    long handleEmulated(X86Exit e) {
        long r = handle(e);
        if (e.string || e.in || r != 0 || rs.completion.get() != Completion.OUT.ordinal()) return r;
        run.skip((int) rs.length.get());
        rs.complete(Completion.NOTHING);
        return 0;
    }

    /** kvm_fast_pio_out. */
    private long out(X86Exit e) {
        long value = state.gpr.get(X86State.RAX) & mask(e.size);
        if (takenByKernel(e.port, e.size, value)) return run.skip(e.length);
        exit(e.port, e.size, 1, true, value);
        // Old user space expects RIP past an OUT to this port: a quirk that is on unless disabled.
        if (e.port == 0x7e && run.vcpu().vm().hasQuirk(QUIRK_OUT_7E_INC_RIP)) {
            run.skip(e.length);
            rs.complete(Completion.NOTHING);
            return 0;
        }
        rs.complete(Completion.OUT);
        return 0;
    }

    /** kernel_pio: a chip of the kernel's or an eventfd takes the output. */
    private boolean takenByKernel(int port, int size, long value) {
        boolean chip = chips().ownsPort(port, size);
        if (chip) chips().portWrite(port, size, value);
        boolean taken = chip
                || IoEvent.signals(run.vcpu().vm(), true, port, size, value)
                || CoalescedZone.takes(run.vcpu().vm(), true, port, size, value);
        if (taken) trace(true, port, size, 1, value);
        return taken;
    }

    private Irqchip chips() {
        return run.vcpu().vm().chips();
    }

    private long in(X86Exit e) {
        if (chips().ownsPort(e.port, e.size)) {
            long value = chips().portRead(e.port, e.size) & mask(e.size);
            trace(false, e.port, e.size, 1, value);
            input(e.size, value);
            return run.skip(e.length);
        }
        exit(e.port, e.size, 1, false, 0);
        rs.complete(Completion.IN);
        return 0;
    }

    private void exit(int port, int size, int count, boolean out, long value) {
        run.page().io(out, size, port, count);
        if (out) run.page().ioData(0, size, value);
        if (out) trace(true, port, size, count, value);
    }

    /** Input is told of when user space has given it. */
    private void trace(boolean out, int port, int size, int count, long value) {
        Trace t = run.trace();
        if (t != null) t.kvmPio(run.vcpu(), out, port, size, count, value);
    }

    long completeFastPioOut() {
        // User space moved RIP meanwhile: the instruction is not there any more.
        if (run.linearRip() != rs.linearRip.get()) return 1;
        return run.skip((int) rs.length.get());
    }

    long completeFastPioIn() {
        if (run.linearRip() != rs.linearRip.get()) return 1;
        int size = (int) rs.size.get();
        long value = run.page().ioData(0, size) & mask(size);
        trace(false, (int) rs.port.get(), size, 1, value);
        input(size, value);
        return run.skip((int) rs.length.get());
    }

    /** Into RAX as it is now, not as it was at the exit; the 32-bit form zero-extends. */
    private void input(int size, long value) {
        long rax = size < 4 ? state.gpr.get(X86State.RAX) & ~mask(size) : 0;
        state.gpr.set(X86State.RAX, rax | value);
    }

    /** OUTS: one element an exit; registers have moved already, RIP stays while it repeats. */
    private long outs(X86Exit e) {
        Interpreter m = run.entry().interpreter();
        int port = e.port, size = e.size, length = e.length;
        boolean rep = e.rep;
        long mask = addressMask(e);
        if (m.mmio().answered() == 0) run.exits().emulator().begin();
        X86Exit fault = m.dataLoad(e.gva, size);
        if (fault != null && fault.reason == X86Exit.EXCEPTION) {
            run.injection().queueFromExit(fault);
            return 1;
        }
        if (fault != null) return run.exits().handle(fault);
        boolean taken = takenByKernel(port, size, m.loaded() & mask(size));
        if (!taken) exit(port, size, 1, true, m.loaded());
        advance(X86State.RSI, size, 1, mask);
        if (rep) {
            count(mask, 1);
            state.rflags.or(X86State.RF);
        } else {
            state.rip.set(state.code64() ? state.rip.get() + length : state.rip.get() + length & 0xffffffffL);
            state.shadow.set(0);
        }
        // An exit of emulated output is no single step, and the debugger's TF is lost.
        run.vcpu().rflags(run.vcpu().rflags());
        if (taken) return 1;
        rs.complete(Completion.NOTHING);
        return 0;
    }

    /** INS: REP forms ask for as many elements as fit the read-ahead and the page. */
    private long ins(X86Exit e) {
        long count = 1;
        if (e.rep) {
            long rcx = state.gpr.get(X86State.RCX) & addressMask(e);
            boolean down = (state.rflags.get() & X86State.DF) != 0;
            int inPage = (int) (e.gva & 0xfff);
            long fits = Math.min(down ? inPage : 4096 - inPage, READ_AHEAD) / e.size;
            count = Math.max(1, Long.compareUnsigned(rcx, fits) < 0 ? rcx : fits);
        }
        rs.count.set(count);
        if (chips().ownsPort(e.port, e.size)) {
            for (int i = 0; i < count; i++) run.page().ioData(i, e.size, chips().portRead(e.port, e.size));
            return completeIns();
        }
        exit(e.port, e.size, (int) count, false, 0);
        rs.complete(Completion.INS);
        return 0;
    }

    /** The elements go to memory; a fault on the way is the guest's, with nothing moved. */
    long completeIns() {
        if (run.linearRip() != rs.linearRip.get()) return 1;
        int size = (int) rs.size.get();
        long mask = rs.addressMask.get(), count = rs.count.get();
        boolean repeated = rs.repeated.get() != 0;
        trace(false, (int) rs.port.get(), size, (int) count, run.page().ioData(0, size) & mask(size));
        if (repeated) {
            // User space may have changed RCX meanwhile (its own fast-forward): never more than is left.
            long rcx = state.gpr.get(X86State.RCX) & mask;
            if (Long.compareUnsigned(rcx, count) < 0) count = rcx;
        }
        long step = (state.rflags.get() & X86State.DF) != 0 ? -size : size;
        Interpreter m = run.entry().interpreter();
        // Upwards as one write of all bytes, downwards one element after the other.
        int at = step > 0 ? (int) count * size : size;
        long done = 0;
        X86Exit e = null;
        while (e == null && done < count) {
            byte[] bytes = new byte[at];
            for (int k = 0; k < at; k++) bytes[k] = (byte) run.page().ioData((int) done * size + k, 1);
            e = m.dataStore(rs.address.get() + done * step, bytes);
            if (e == null || e.reason == X86Exit.MMIO_WRITE) done += at / size;
        }
        advance(X86State.RDI, size, done, mask);
        if (repeated) count(mask, done);
        if (e != null && e.reason == X86Exit.EXCEPTION) {
            run.injection().queueFromExit(e);
            return 1;
        }
        if (repeated && done > 0) state.rflags.or(X86State.RF);
        Emulator emulator = run.exits().emulator();
        if (e == null) return repeated ? emulator.done() : emulator.doneAndSkipped((int) rs.length.get());
        if (!repeated && done > 0) run.skip((int) rs.length.get());
        return run.exits().handle(e);
    }

    private void advance(int register, int size, long count, long mask) {
        long by = (state.rflags.get() & X86State.DF) != 0 ? -size * count : size * count;
        put(register, state.gpr.get(register) + by, mask);
    }

    private void count(long mask, long done) {
        put(X86State.RCX, state.gpr.get(X86State.RCX) - done, mask);
    }

    /** A register written with the address size: 32-bit writes zero-extend, 16-bit ones merge. */
    private void put(int register, long value, long mask) {
        long kept = mask == 0xffff ? state.gpr.get(register) & ~0xffffL : 0;
        state.gpr.set(register, kept | value & mask);
    }

    private static long addressMask(X86Exit e) {
        return e.gpr == 8 ? -1 : e.gpr == 4 ? 0xffffffffL : 0xffff;
    }

    private static long mask(int size) {
        return size == 8 ? -1 : (1L << 8 * size) - 1;
    }
}
