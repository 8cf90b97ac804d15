package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.KvmEvents.hex;

import dev.worldswitch.kvm.KvmEvents;
import dev.worldswitch.kvm.KvmEvents.Mmio;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.Arm64Exit;
import java.util.Map;

/** The run loop's events as arch/arm64/kvm's trace_arm.h and trace_handle_exit.h print them. */
final class TraceText {
    /** kvm_arm_exception_class: ESR_ELx.EC (Arm ARM, table of exception classes). */
    private static final Map<Integer, String> CLASSES = Map.ofEntries(
            Map.entry(0x00, "UNKNOWN"),
            Map.entry(0x01, "WFx"),
            Map.entry(0x03, "CP15_32"),
            Map.entry(0x04, "CP15_64"),
            Map.entry(0x05, "CP14_MR"),
            Map.entry(0x06, "CP14_LS"),
            Map.entry(0x07, "FP_ASIMD"),
            Map.entry(0x08, "CP10_ID"),
            Map.entry(0x09, "PAC"),
            Map.entry(0x0c, "CP14_64"),
            Map.entry(0x15, "SVC64"),
            Map.entry(0x16, "HVC64"),
            Map.entry(0x17, "SMC64"),
            Map.entry(0x18, "SYS64"),
            Map.entry(0x19, "SVE"),
            Map.entry(0x1a, "ERET"),
            Map.entry(0x1f, "IMP_DEF"),
            Map.entry(0x20, "IABT_LOW"),
            Map.entry(0x21, "IABT_CUR"),
            Map.entry(0x22, "PC_ALIGN"),
            Map.entry(0x24, "DABT_LOW"),
            Map.entry(0x25, "DABT_CUR"),
            Map.entry(0x26, "SP_ALIGN"),
            Map.entry(0x28, "FP_EXC32"),
            Map.entry(0x2c, "FP_EXC64"),
            Map.entry(0x2f, "SERROR"),
            Map.entry(0x30, "BREAKPT_LOW"),
            Map.entry(0x31, "BREAKPT_CUR"),
            Map.entry(0x32, "SOFTSTP_LOW"),
            Map.entry(0x33, "SOFTSTP_CUR"),
            Map.entry(0x34, "WATCHPT_LOW"),
            Map.entry(0x35, "WATCHPT_CUR"),
            Map.entry(0x38, "BKPT32"),
            Map.entry(0x3a, "VECTOR32"),
            Map.entry(0x3c, "BRK64"));

    private static final String[] IRQ_TYPES = {"CPU", "VGIC SPI", "VGIC PPI"};

    private final Tracepoints out;

    TraceText(Tracepoints out) {
        this.out = out;
    }

    private static long pc(Vcpu vcpu) {
        return vcpu.context().pc().get();
    }

    private static String pad(String digits, long value) {
        return String.format("0x%0" + digits + "x", value);
    }

    /** %#0Nlx: the prefix counts, and 0 has none. */
    private static String sharp(int width, long value) {
        return value == 0 ? "0".repeat(width) : pad(Integer.toString(width - 2), value);
    }

    void kvmEntry(Vcpu vcpu) {
        out.hit(vcpu, "kvm_entry", "PC: " + pad("16", pc(vcpu)));
    }

    void kvmExit(Vcpu vcpu, Arm64Exit exit) {
        int ec = exit.kind == Arm64Exit.SYNC ? (int) (vcpu.esr() >>> 26 & 0x3f) : 0;
        String type = switch (exit.kind) {
            case Arm64Exit.INTERRUPT -> "IRQ";
            case Arm64Exit.SERROR -> "SERROR";
            case Arm64Exit.SYNC, Arm64Exit.FAULT -> "TRAP";
            default -> exit.name();
        };
        out.hit(
                vcpu,
                "kvm_exit",
                type + ": HSR_EC: " + pad("4", ec) + " (" + CLASSES.getOrDefault(ec, hex(ec)) + "), PC: "
                        + pad("16", pc(vcpu)));
    }

    void kvmGuestFault(Vcpu vcpu, long ipa) {
        out.hit(
                vcpu,
                "kvm_guest_fault",
                "ipa " + (ipa == 0 ? "0" : hex(ipa)) + ", hsr " + sharp(8, vcpu.esr()) + ", hxfar "
                        + sharp(8, vcpu.fault().get(1)) + ", pc " + sharp(16, pc(vcpu)));
    }

    void kvmMmio(Vcpu vcpu, Mmio type, int length, long ipa, long value) {
        out.hit(vcpu, "kvm_mmio", KvmEvents.mmio(type, length, ipa, value));
    }

    void kvmMmioNisv(Vcpu vcpu, long ipa) {
        out.hit(
                vcpu,
                "kvm_mmio_nisv",
                "ipa " + sharp(16, ipa) + ", esr " + sharp(16, vcpu.esr()) + ", far "
                        + sharp(16, vcpu.fault().get(1)) + ", pc " + sharp(16, pc(vcpu)));
    }

    void kvmWfxArm64(Vcpu vcpu, boolean wfe) {
        out.hit(vcpu, "kvm_wfx_arm64", "guest executed wf" + (wfe ? 'e' : 'i') + " at: " + pad("16", pc(vcpu)));
    }

    void kvmHvcArm64(Vcpu vcpu) {
        out.hit(
                vcpu,
                "kvm_hvc_arm64",
                "HVC at " + pad("16", pc(vcpu)) + " (r0: "
                        + pad("16", vcpu.context().reg(0)) + ", imm: " + hex(vcpu.esr() & 0xffff) + ")");
    }

    void kvmHandleSysReg(Vcpu vcpu) {
        out.hit(vcpu, "kvm_handle_sys_reg", "HSR " + pad("8", vcpu.esr()));
    }

    void kvmSysAccess(Vcpu vcpu, Row row, boolean write) {
        int e = row.encoding();
        out.hit(
                vcpu,
                "kvm_sys_access",
                String.format(
                        "PC: %x SYS_%s (%d,%d,%d,%d,%d) %s",
                        pc(vcpu),
                        row.name(),
                        e >> 14 & 3,
                        e >> 11 & 7,
                        e >> 7 & 15,
                        e >> 3 & 15,
                        e & 7,
                        write ? "write" : "read"));
    }

    void kvmArmSetupDebug(Vcpu vcpu) {
        out.hit(vcpu, "kvm_arm_setup_debug", debugged(vcpu, vcpu.guestDebug().get()));
    }

    /** The kernel prints a pointer, and here a vCPU's path is what identifies it. */
    private static String debugged(Vcpu vcpu, long flags) {
        return "vcpu: " + vcpu.region() + ", flags: " + pad("8", flags);
    }

    void kvmArmClearDebug(Vcpu vcpu) {
        out.hit(
                vcpu,
                "kvm_arm_clear_debug",
                "flags: " + pad("8", vcpu.guestDebug().get()));
    }

    void kvmArmSetDreg32(Vcpu vcpu, String name, long value) {
        out.hit(vcpu, "kvm_arm_set_dreg32", name + ": " + hex(value));
    }

    void kvmSetGuestDebug(Vcpu vcpu, int control) {
        out.hit(vcpu, "kvm_set_guest_debug", debugged(vcpu, control & 0xffffffffL));
    }

    void kvmIrqLine(Vm vm, int type, int vcpu, int number, int level) {
        String name = type < IRQ_TYPES.length ? IRQ_TYPES[type] : "UNKNOWN";
        out.hit(
                vm,
                "kvm_irq_line",
                "Inject " + name + " interrupt (" + type + "), vcpu->idx: " + vcpu + ", num: " + number + ", level: "
                        + level);
    }

    void kvmVcpuWakeup(Vcpu vcpu, long nanoseconds, boolean valid) {
        out.hit(vcpu, "kvm_vcpu_wakeup", KvmEvents.vcpuWakeup(nanoseconds, valid));
    }

    void kvmUserspaceExit(Vcpu vcpu, int reason, long result) {
        out.hit(vcpu, "kvm_userspace_exit", KvmEvents.userspaceExit(reason, result));
    }

    void unimplemented(Vcpu vcpu, String what, int instruction) {
        out.hit(vcpu, "unimplemented", String.format("%s 0x%08x at PC 0x%016x", what, instruction, pc(vcpu)));
    }
}
