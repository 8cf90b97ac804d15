package dev.worldswitch.explore;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;

/** The VMM of the xfd scenarios: its own registers are a victim as well. */
final class XfdWorkload implements Workload {
    /** Makes the vCPU. */
    interface DriverFactory {
        VcpuDriver make(X86Host host, Task task, VmmMemory memory, List<String> guest);
    }

    private static final long OWN = 0x4f574e5f58000000L;
    private final X86Host host;
    private final Task task;
    private final VcpuDriver vcpu;
    private final List<Step> steps = new ArrayList<>();

    XfdWorkload(X86Host host, VmmMemory memory, Scenario scenario, DriverFactory drivers) {
        this.host = host;
        this.task = host.newTask("vmm");
        host.scheduler().start(task);
        this.vcpu = drivers.make(host, task, memory, scenario.guest());
        host.scheduler().exitToUserMode(task);
        for (String s : scenario.vmm()) steps.add(step(s));
    }

    private Step step(String text) {
        String[] word = text.split(" ");
        return switch (word[0]) {
            case "own-registers" -> new Step("puts values into its own XMM registers", this::putOwn);
            case "own-check" -> new Step("looks at its own registers and IA32_XFD", this::checkOwn);
            case "run" -> syscall("ioctl(vcpu, KVM_RUN)", vcpu::run);
            case "get-xsave" -> syscall("ioctl(vcpu, KVM_GET_XSAVE2)", vcpu::getXsave);
            case "set-xsave" -> syscall("ioctl(vcpu, KVM_SET_XSAVE) with what it got", vcpu::setXsave);
            case "set-xfd" ->
                syscall("ioctl(vcpu, KVM_SET_MSRS) IA32_XFD = " + word[1], () -> vcpu.setXfd(Long.decode(word[1])));
            default -> throw new IllegalArgumentException("a VMM can't '" + text + "'");
        };
    }

    private Step syscall(String name, Runnable body) {
        return new Step(name, () -> {
            host.scheduler().enterFromUserMode(task);
            body.run();
            host.scheduler().exitToUserMode(task);
        });
    }

    private void putOwn() {
        X86Cpu cpu = Fpu.cpu(task);
        for (int i = 0; i < 32; i++) cpu.fpregs().set(XsaveLayout.XMM0 / 8 + i, OWN + i);
        int bv = XsaveLayout.XSTATE_BV / 8;
        cpu.fpregs().set(bv, cpu.fpregs().get(bv) | 2);
    }

    private void checkOwn() {
        X86Cpu cpu = Fpu.cpu(task);
        for (int i = 0; i < 32; i++) {
            long v = cpu.fpregs().get(XsaveLayout.XMM0 / 8 + i);
            if (v != OWN + i)
                throw new Violation(
                        "the VMM's own registers are back after KVM_RUN",
                        "xmm" + i / 2 + " of the VMM holds 0x" + Long.toHexString(v));
        }
        if (cpu.xfd().get() != Fpu.thread(task).own().xfd().get())
            throw new Violation(
                    "the VMM's own IA32_XFD is back after KVM_RUN",
                    "IA32_XFD is 0x" + Long.toHexString(cpu.xfd().get()));
    }

    @Override
    public Task task() {
        return task;
    }

    @Override
    public FpState guestImage() {
        return vcpu.guestImage();
    }

    @Override
    public List<Step> steps() {
        return steps;
    }
}
