package dev.worldswitch.explore;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.FpuGuest;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.List;

/**
 * A vCPU with a scripted guest, on the kernel's FPU code alone: the order of KVM's run loop without its ioctl table. The
 * guest's steps have the meaning of the instructions that they are named after.
 */
final class FpuDriver implements VcpuDriver {
    private static final int BV = XsaveLayout.XSTATE_BV / 8;
    private static final long TILEDATA = 1L << XsaveLayout.TILEDATA,
            OLD = 0x54494c4544415441L,
            XMM = 0x4755455354000000L;
    private final X86Host host;
    private final Fpu fpu;
    private final Task task;
    private final List<String> program;
    private final FpuGuest guest;
    private final Word next, passXfd;
    private final Words saved;
    private final int tile, tileWords;

    FpuDriver(X86Host host, Task task, VmmMemory memory, List<String> program) {
        this.host = host;
        this.fpu = host.fpu();
        this.task = task;
        this.program = program;
        Region region = host.kernel().region().child("vcpu0");
        XsaveLayout layout = host.profile().xsave();
        this.guest =
                new FpuGuest(region.child("guestFpu"), host.cpus().getFirst().xsave(), layout.supported());
        this.next = region.word("next");
        this.passXfd = region.word("xfdNoWriteIntercept");
        this.saved = region.words("vmmXsaveBuffer", guest.fpstate().image().length());
        XsaveLayout.Component c = layout.component(XsaveLayout.TILEDATA);
        this.tile = c.offset() / 8;
        this.tileWords = c.size() / 8;
        Words image = guest.fpstate().image();
        for (int i = 0; i < 32; i++) image.set(XsaveLayout.XMM0 / 8 + i, XMM + i);
        image.set(BV, image.get(BV) | 2);
    }

    @Override
    public FpState guestImage() {
        return guest.fpstate();
    }

    @Override
    public void run() {
        fpu.fpuSwapKvmFpstate(task, guest, true);
        while (vcpuEnterGuest()) host.scheduler().handleResched(task);
        fpu.fpuSwapKvmFpstate(task, guest, false);
    }

    private boolean vcpuEnterGuest() {
        host.scheduler().preemptDisable(task);
        X86Cpu cpu = Fpu.cpu(task);
        cpu.irqDisable();
        fpu.fpregsAssertStateConsistent(task);
        fpu.switchFpuReturn(task);
        fpu.fpuLoadGuestXfd(task);
        String exit = "";
        while (exit.isEmpty() && !cpu.anyPending()) {
            cpu.moment("guest instruction");
            if (!cpu.anyPending()) exit = guestInstruction(cpu, program.get((int) next.get()));
        }
        if (passXfd.get() != 0) fpu.fpuSyncGuestVmexitXfdState(task);
        fpu.fpuPutGuestXfd(task);
        cpu.irqEnable();
        host.scheduler().preemptEnable(task);
        if (exit.startsWith("wrmsr-xfd")) {
            kvmEmulateWrmsrXfd(Long.decode(exit.split(" ")[1]));
            return true;
        }
        return !exit.equals("out");
    }

    private void kvmEmulateWrmsrXfd(long v) {
        fpu.fpuUpdateGuestXfd(task, guest, v);
        if (v != 0) passXfd.set(1);
    }

    /** The exit it causes, or nothing. */
    private String guestInstruction(X86Cpu cpu, String instruction) {
        next.set(next.get() + 1);
        Words regs = cpu.fpregs();
        for (int i = 0; i < 32; i++) {
            if (regs.get(XsaveLayout.XMM0 / 8 + i) != XMM + i)
                throw new Violation("the guest sees its own registers", "xmm" + i / 2 + " of the guest is not its own");
        }
        switch (instruction.split(" ")[0]) {
            case "tileloadd" -> {
                regs.fill(tile, tileWords, OLD);
                regs.set(BV, regs.get(BV) | TILEDATA);
            }
            case "ldtilecfg", "tilerelease" -> cpu.xsave().init(regs, TILEDATA);
            case "tilestored" -> tileStored(regs);
            case "wrmsr-xfd" -> {
                long v = Long.decode(instruction.split(" ")[1]);
                if (passXfd.get() == 0) return instruction;
                cpu.xfd().set(v);
            }
            case "out" -> {
                return "out";
            }
            default -> throw new IllegalArgumentException("a guest can't '" + instruction + "'");
        }
        return "";
    }

    private void tileStored(Words regs) {
        long first = regs.get(tile);
        boolean whole = first == OLD || first == 0;
        for (int i = 1; i < tileWords; i++) whole &= regs.get(tile + i) == first;
        if (!whole)
            throw new Violation(
                    "tiles that were disabled are whole: old or initial",
                    "tile data begin with 0x" + Long.toHexString(first));
    }

    @Override
    public void getXsave() {
        saved.copy(guest.fpstate().image(), 0, saved.length());
    }

    @Override
    public void setXsave() {
        Words image = guest.fpstate().image();
        image.copy(saved, 0, saved.length());
        if (host.kernel().has(Patch.CLEAR_XSTATE_BV_SET_XSAVE))
            image.set(BV, image.get(BV) & ~guest.fpstate().xfd().get());
    }

    @Override
    public void setXfd(long v) {
        fpu.fpuUpdateGuestXfd(task, guest, v);
        if (v != 0) passXfd.set(1);
    }
}
