package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.KvmEvents.hex;

import dev.worldswitch.kvm.KvmEvents;
import dev.worldswitch.kvm.KvmEvents.Mmio;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.machine.x86.X86State;
import java.util.HexFormat;
import java.util.Map;

/**
 * The run loop's events in the text of the kernel's own tracepoints: print formats of arch/x86/kvm/trace.h and
 * include/trace/events/kvm.h.
 */
final class TraceText implements Trace {
    /** kvm_trace_sym_exc; null where the kernel prints the number. */
    private static final String[] EXCEPTIONS = {
        "#DE", "#DB", null, "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", null, "#TS", "#NP", "#SS", "#GP", "#PF", null,
        "#MF", "#AC", "#MC"
    };
    /** kvm_deliver_mode. */
    private static final String[] DELIVER_MODES = {"Fixed", "LowPrio", "SMI", "Res3", "NMI", "INIT", "SIPI", "ExtINT"};
    /** kvm_apic_dst_shorthand. */
    private static final String[] SHORTHANDS = {"dst", "self", "all", "all-but-self"};
    /** kvm_trace_symbol_apic, by offset / 16. */
    private static final Map<Integer, String> APIC_REGISTERS = Map.ofEntries(
            Map.entry(0x02, "ID"),
            Map.entry(0x03, "LVR"),
            Map.entry(0x08, "TASKPRI"),
            Map.entry(0x09, "ARBPRI"),
            Map.entry(0x0a, "PROCPRI"),
            Map.entry(0x0b, "EOI"),
            Map.entry(0x0c, "RRR"),
            Map.entry(0x0d, "LDR"),
            Map.entry(0x0e, "DFR"),
            Map.entry(0x0f, "SPIV"),
            Map.entry(0x10, "ISR"),
            Map.entry(0x18, "TMR"),
            Map.entry(0x20, "IRR"),
            Map.entry(0x28, "ESR"),
            Map.entry(0x30, "ICR"),
            Map.entry(0x31, "ICR2"),
            Map.entry(0x32, "LVTT"),
            Map.entry(0x33, "LVTTHMR"),
            Map.entry(0x34, "LVTPC"),
            Map.entry(0x35, "LVT0"),
            Map.entry(0x36, "LVT1"),
            Map.entry(0x37, "LVTERR"),
            Map.entry(0x38, "TMICT"),
            Map.entry(0x39, "TMCCT"),
            Map.entry(0x3e, "TDCR"),
            Map.entry(0x3f, "SELF_IPI"));

    private final Tracepoints out;

    TraceText(Tracepoints out) {
        this.out = out;
    }

    @Override
    public void kvmEntry(Vcpu vcpu, long rip, boolean immediateExit) {
        out.hit(
                vcpu,
                "kvm_entry",
                "vcpu " + vcpu.id() + ", rip " + hex(rip) + (immediateExit ? "[immediate exit]" : ""));
    }

    @Override
    public void kvmExit(Vcpu vcpu, String reason, long rip, long[] fields) {
        out.hit(
                vcpu,
                "kvm_exit",
                "vcpu " + vcpu.id() + " reason " + reason + " rip " + hex(rip)
                        + String.format(
                                " info1 0x%016x info2 0x%016x intr_info 0x%08x error_code 0x%08x",
                                fields[0], fields[1], fields[2], fields[3]));
    }

    @Override
    public void kvmPio(Vcpu vcpu, boolean write, int port, int size, int count, long value) {
        out.hit(
                vcpu,
                "kvm_pio",
                "pio_" + (write ? "write" : "read") + " at " + hex(port) + " size " + size + " count " + count + " val "
                        + hex(value) + (count > 1 ? " (...)" : ""));
    }

    @Override
    public void kvmPageFault(Vcpu vcpu, long address, long errorCode) {
        out.hit(
                vcpu,
                "kvm_page_fault",
                String.format(
                        "vcpu %d rip %s address 0x%016x error_code %s",
                        vcpu.id(), hex(vcpu.state().rip.get()), address, hex(errorCode)));
    }

    @Override
    public void kvmMmio(Vcpu vcpu, Mmio type, int size, long gpa, long value) {
        out.hit(vcpu, "kvm_mmio", KvmEvents.mmio(type, size, gpa, value));
    }

    @Override
    public void kvmEmulateInsn(Vcpu vcpu, byte[] bytes, int count, boolean failed) {
        X86State s = vcpu.state();
        String at = Long.toHexString(s.segBase.get(X86State.CS) & 0xffffffffL) + ":" + Long.toHexString(s.rip.get());
        String insn = HexFormat.ofDelimiter(" ").formatHex(bytes, 0, count);
        out.hit(vcpu, "kvm_emulate_insn", at + ":" + insn + " (" + mode(s) + ")" + (failed ? " failed" : ""));
    }

    /** kvm_trace_symbol_emul_flags. */
    private static String mode(X86State s) {
        if (s.code64()) return "prot64";
        if ((s.cr.get(0) & X86State.CR0_PE) == 0) return "real";
        if ((s.rflags.get() & X86State.VM) != 0) return "vm16";
        return (s.segAttr.get(X86State.CS) & X86State.ATTR_DB) != 0 ? "prot32" : "prot16";
    }

    /** Behind the kernel's own text the register's name, as a comment. */
    @Override
    public void kvmMsr(Vcpu vcpu, boolean write, int index, long value, boolean fault) {
        String name = vcpu.vm().kvm().msrTable().name(index);
        out.hit(
                vcpu,
                "kvm_msr",
                "msr_" + (write ? "write " : "read ") + Integer.toHexString(index) + " = " + hex(value)
                        + (fault ? " (#GP)" : "") + (name == null ? "" : " /* " + name + " */"));
    }

    @Override
    public void kvmCr(Vcpu vcpu, boolean write, int cr, long value) {
        out.hit(vcpu, "kvm_cr", "cr_" + (write ? "write " : "read ") + Integer.toHexString(cr) + " = " + hex(value));
    }

    @Override
    public void kvmCpuid(
            Vcpu vcpu,
            int function,
            int index,
            int eax,
            int ebx,
            int ecx,
            int edx,
            boolean found,
            boolean highestBasic) {
        out.hit(
                vcpu,
                "kvm_cpuid",
                String.format(
                        "func %x idx %x rax %x rbx %x rcx %x rdx %x, cpuid entry %s%s",
                        function,
                        index,
                        eax,
                        ebx,
                        ecx,
                        edx,
                        found ? "found" : "not found",
                        highestBasic ? ", used max basic" : ""));
    }

    @Override
    public void kvmHypercall(Vcpu vcpu, long nr, long a0, long a1, long a2, long a3) {
        out.hit(
                vcpu,
                "kvm_hypercall",
                "nr " + hex(nr) + " a0 " + hex(a0) + " a1 " + hex(a1) + " a2 " + hex(a2) + " a3 " + hex(a3));
    }

    private static String again(boolean reinjected) {
        return reinjected ? " [reinjected]" : "";
    }

    @Override
    public void kvmInjException(Vcpu vcpu, int vector, boolean hasErrorCode, int errorCode, boolean reinjected) {
        String name = vector < EXCEPTIONS.length ? EXCEPTIONS[vector] : null;
        String code = hasErrorCode ? " (" + hex(errorCode & 0xffffffffL) + ")" : "";
        out.hit(vcpu, "kvm_inj_exception", (name == null ? hex(vector) : name) + code + again(reinjected));
    }

    @Override
    public void kvmInjVirq(Vcpu vcpu, int vector, boolean soft, boolean reinjected) {
        out.hit(vcpu, "kvm_inj_virq", (soft ? "Soft/INTn " : "IRQ ") + hex(vector) + again(reinjected));
    }

    @Override
    public void kvmApic(Vcpu vcpu, boolean write, int register, long value) {
        String name = APIC_REGISTERS.get(register >> 4);
        String text = name == null ? hex(register) : "APIC_" + name;
        out.hit(vcpu, "kvm_apic", "apic_" + (write ? "write " : "read ") + text + " = " + hex(value));
    }

    @Override
    public void kvmApicIpi(Vcpu vcpu, int icr, int destination) {
        out.hit(
                vcpu,
                "kvm_apic_ipi",
                String.format(
                        "dst %x vec %d (%s|%s|%s|%s|%s)",
                        destination,
                        icr & 0xff,
                        DELIVER_MODES[icr >> 8 & 7],
                        (icr & 1 << 11) != 0 ? "logical" : "physical",
                        (icr & 1 << 14) != 0 ? "assert" : "de-assert",
                        level((icr & 1 << 15) != 0),
                        SHORTHANDS[icr >> 18 & 3]));
    }

    private static String level(boolean triggered) {
        return triggered ? "level" : "edge";
    }

    @Override
    public void kvmApicAcceptIrq(Vcpu vcpu, int mode, boolean level, int vector) {
        out.hit(
                vcpu,
                "kvm_apic_accept_irq",
                String.format("apicid %x vec %d (%s|%s)", vcpu.id(), vector, DELIVER_MODES[mode], level(level)));
    }

    @Override
    public void kvmEoi(Vcpu vcpu, int vector) {
        out.hit(vcpu, "kvm_eoi", String.format("apicid %x vector %d", vcpu.id(), vector));
    }

    @Override
    public void kvmSmmTransition(Vcpu vcpu, long smbase, boolean entering) {
        String where = (entering ? "entering" : "leaving") + " SMM, smbase 0x" + Long.toHexString(smbase);
        out.hit(vcpu, "kvm_smm_transition", "vcpu " + vcpu.id() + ": " + where);
    }

    @Override
    public void kvmWriteTscOffset(Vcpu vcpu, long previous, long next) {
        out.hit(
                vcpu,
                "kvm_write_tsc_offset",
                "vcpu=" + vcpu.id() + " prev=" + Long.toUnsignedString(previous) + " next="
                        + Long.toUnsignedString(next));
    }

    @Override
    public void kvmVcpuWakeup(Vcpu vcpu, long nanoseconds, boolean valid) {
        out.hit(vcpu, "kvm_vcpu_wakeup", KvmEvents.vcpuWakeup(nanoseconds, valid));
    }

    @Override
    public void kvmMsiSetIrq(Vm vm, long address, int data) {
        out.hit(
                vm,
                "kvm_msi_set_irq",
                String.format(
                        "dst %x vec %d (%s|%s|%s%s)",
                        address >>> 12 & 0xff,
                        data & 0xff,
                        DELIVER_MODES[data >> 8 & 7],
                        (address & 1 << 2) != 0 ? "logical" : "physical",
                        level((data & 1 << 15) != 0),
                        (address & 1 << 3) != 0 ? "|rh" : ""));
    }

    @Override
    public void kvmSetIrq(Vm vm, int gsi, int level, int source) {
        out.hit(vm, "kvm_set_irq", KvmEvents.setIrq(gsi, level, source));
    }

    private static String coalesced(boolean yes) {
        return yes ? " (coalesced)" : "";
    }

    @Override
    public void kvmPicSetIrq(Vm vm, int chip, int pin, int elcr, int imr, boolean coalesced) {
        String masked = (imr & 1 << pin) != 0 ? "|masked" : "";
        String how = level((elcr & 1 << pin) != 0) + masked;
        out.hit(vm, "kvm_pic_set_irq", "chip " + chip + " pin " + pin + " (" + how + ")" + coalesced(coalesced));
    }

    @Override
    public void kvmIoapicSetIrq(Vm vm, long entry, int pin, boolean coalesced) {
        out.hit(
                vm,
                "kvm_ioapic_set_irq",
                String.format(
                        "pin %d dst %x vec %d (%s|%s|%s%s)%s",
                        pin,
                        entry >>> 56,
                        entry & 0xff,
                        DELIVER_MODES[(int) entry >> 8 & 7],
                        (entry & 1 << 11) != 0 ? "logical" : "physical",
                        level((entry & 1 << 15) != 0),
                        (entry & 1 << 16) != 0 ? "|masked" : "",
                        coalesced(coalesced)));
    }

    @Override
    public void kvmFpu(Vcpu vcpu, boolean load) {
        out.hit(vcpu, "kvm_fpu", load ? "load" : "unload");
    }

    @Override
    public void kvmUserspaceExit(Vcpu vcpu, int reason, long result) {
        out.hit(vcpu, "kvm_userspace_exit", KvmEvents.userspaceExit(reason, result));
    }

    @Override
    public void unimplemented(Vcpu vcpu, long rip, String bytes) {
        out.hit(vcpu, "unimplemented", "rip " + hex(rip) + " bytes " + bytes);
    }
}
