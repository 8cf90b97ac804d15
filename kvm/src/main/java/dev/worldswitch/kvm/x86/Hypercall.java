package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.x86.RunState.Completion;
import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** VMCALL and VMMCALL (kvm_emulate_hypercall). */
final class Hypercall {
    private static final long KVM_ENOSYS = 1000, KVM_EPERM = 1, KVM_EINVAL = 22;
    private static final int VAPIC_POLL_IRQ = 1, KICK_CPU = 5, SCHED_YIELD = 11, MAP_GPA_RANGE = 12;
    /** KVM_FEATURE_PV_* of uapi asm/kvm_para.h. */
    private static final int FEATURE_PV_UNHALT = 7, FEATURE_PV_SCHED_YIELD = 13;

    private static final long QUIRK_FIX_HYPERCALL_INSN = 32;
    private final VcpuRun run;
    private final X86State state;
    private final HypervCalls hyperv;

    Hypercall(VcpuRun run) {
        this.run = run;
        this.state = run.vcpu().state();
        this.hyperv = new HypervCalls(run);
    }

    HypervCalls hyperv() {
        return hyperv;
    }

    long handle(X86Exit e) {
        if (e.vector != run.ops().hypercallByte()) return wrongInstruction();
        if (hyperv.enabled()) return hyperv.handle(e.length);
        boolean wide = state.code64();
        long mask = wide ? -1 : 0xffffffffL;
        long nr = state.gpr.get(X86State.RAX) & mask;
        long a0 = state.gpr.get(X86State.RBX) & mask, a1 = state.gpr.get(X86State.RCX) & mask;
        long a2 = state.gpr.get(X86State.RDX) & mask, a3 = state.gpr.get(X86State.RSI) & mask;
        Trace t = run.trace();
        if (t != null) t.kvmHypercall(run.vcpu(), nr, a0, a1, a2, a3);
        if (state.cpl() != 0) return finish(-KVM_EPERM, e.length);
        switch ((int) nr) {
            case VAPIC_POLL_IRQ:
                return finish(0, e.length);
            case MAP_GPA_RANGE:
                if ((run.vcpu().vm().hypercallExits().get() >> MAP_GPA_RANGE & 1) == 0) break;
                if ((a0 & 0xfff) != 0 || a1 == 0 || Long.compareUnsigned(a0 + (a1 << 12), a0) <= 0)
                    return finish(-KVM_EINVAL, e.length);
                run.runState().length.set(e.length);
                run.runState().linearRip.set(run.linearRip());
                run.page().hypercall(nr, new long[] {a0, a1, a2, a3}, wide);
                run.runState().complete(Completion.HYPERCALL);
                return 0;
            case KICK_CPU:
                if (!run.vcpu().hasPvFeature(FEATURE_PV_UNHALT)) break;
                Vcpu target = kickTarget(a1);
                if (target != null) target.runLoop().kick(RunState.REQ_UNBLOCK);
                return finish(0, e.length);
            case SCHED_YIELD:
                // A hint whom to run now. Here the target is on its way to a CPU in any case.
                if (!run.vcpu().hasPvFeature(FEATURE_PV_SCHED_YIELD)) break;
                return finish(0, e.length);
            default:
                break;
        }
        return finish(-KVM_ENOSYS, e.length);
    }

    private @org.jspecify.annotations.Nullable Vcpu kickTarget(long apicId) {
        for (Vcpu v : run.vcpu().vm().vcpus().get().all()) if (v.id() == apicId) return v;
        return null;
    }

    long complete() {
        return finish(run.page().hypercallResult(), (int) run.runState().length.get());
    }

    private long finish(long result, int length) {
        state.gpr.set(X86State.RAX, state.code64() ? result : result & 0xffffffffL);
        return run.skip(length);
    }

    /** emulator_fix_hypercall: the other vendor's instruction is replaced in memory, unless the quirk is off. */
    private long wrongInstruction() {
        if (!run.vcpu().vm().hasQuirk(QUIRK_FIX_HYPERCALL_INSN)) {
            run.injection().queueException(Injection.UD);
            return 1;
        }
        long at = run.linearRip();
        byte[] bytes = {0x0f, 0x01, (byte) run.ops().hypercallByte()};
        X86Exit fault = run.entry().interpreter().dataStore(at, bytes);
        return fault == null ? 1 : run.exits().handle(fault);
    }
}
