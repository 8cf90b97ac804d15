package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.FpuGuest;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.EnumSet;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The kernel's FPU code alone, in the order of KVM's run loop, with a scripted guest: the same windows, without KVM. */
class FpuAloneTest {
    private static final int BV = XsaveLayout.XSTATE_BV / 8;
    private static final long TILEDATA = 1L << XsaveLayout.TILEDATA;

    private static final class FpuAlone implements Subject {
        private final X86Host host;
        private final Fpu fpu;
        private final Task task;
        private final FpuGuest guest;
        private final Word next, passXfd;
        private final int tile;
        private final List<String> script = List.of("tileload", "out", "xfd 1", "out", "xfd 0", "out");

        FpuAlone(Architecture.Surroundings around, KernelVersion kernel) {
            X86Profile profile = X86Profile.builtIn("sapphire-rapids");
            host = X86Host.boot(
                    around.root(),
                    kernel,
                    profile,
                    1,
                    around.timing(),
                    all -> around.cpus().over(all));
            fpu = host.fpu();
            Region r = around.root().child("vcpu0");
            guest = new FpuGuest(
                    r.child("guestFpu"),
                    host.cpus().getFirst().xsave(),
                    profile.xsave().supported());
            next = r.word("next");
            passXfd = r.word("xfdNoWriteIntercept");
            tile = profile.xsave().component(XsaveLayout.TILEDATA).offset() / 8;
            task = host.newTask("vmm");
            host.scheduler().start(task);
            host.scheduler().sleep(task);
        }

        private void run() {
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
            cpu.guestMode(true);
            String exit = "";
            while (exit.isEmpty() && !cpu.anyPending()) {
                cpu.moment("guest instruction");
                if (!cpu.anyPending()) exit = instruction(cpu, script.get((int) next.get()));
            }
            cpu.guestMode(false);
            if (passXfd.get() != 0) fpu.fpuSyncGuestVmexitXfdState(task);
            fpu.fpuPutGuestXfd(task);
            cpu.irqEnable();
            host.scheduler().preemptEnable(task);
            if (!exit.startsWith("xfd")) return !exit.equals("out");
            long v = exit.endsWith("1") ? TILEDATA : 0;
            fpu.fpuUpdateGuestXfd(task, guest, v);
            if (v != 0) passXfd.set(1);
            return true;
        }

        /** The exit that it causes, or nothing. */
        private String instruction(X86Cpu cpu, String what) {
            next.set(next.get() + 1);
            Words regs = cpu.fpregs();
            switch (what) {
                case "tileload" -> {
                    regs.fill(tile, 1024, 7);
                    regs.set(BV, regs.get(BV) | TILEDATA);
                }
                case "out" -> {
                    return what;
                }
                default -> {
                    if (passXfd.get() == 0) return what;
                    cpu.xfd().set(what.endsWith("1") ? TILEDATA : 0);
                }
            }
            return "";
        }

        @Override
        public List<? extends PhysicalCpu> cpus() {
            return host.cpus();
        }

        @Override
        public List<Program> programs() {
            Step run = new Step("KVM_RUN", () -> {
                host.scheduler().enterFromUserMode(task);
                run();
                host.scheduler().exitToUserMode(task);
            });
            Step start = new Step("starts", () -> {
                host.scheduler().start(task);
                host.scheduler().exitToUserMode(task);
            });
            return List.of(new Program(task, List.of(start, run, run, run)));
        }

        @Override
        public List<Gauge> gauges() {
            return List.of();
        }

        @Override
        public void observe(PhysicalCpu cpu, String step, Consumer<Violation> report) {}
    }

    private static List<String> found(KernelVersion kernel) {
        Explorer e =
                Explorer.of(1, EnumSet.of(Event.INTERRUPT), c -> true, null, around -> new FpuAlone(around, kernel));
        Explorer.Result r = e.audited().explore(new Bounds(1, 0, 0), n -> {});
        assertThat(r.audit()).isNull();
        return r.found().stream().map(Explorer.Found::what).toList();
    }

    @Test
    void without_the_fix_one_interrupt_leads_into_the_panic() {
        KernelVersion fixed = KernelVersion.of("6.12");
        KernelVersion broken = fixed.changed(List.of(Patch.CLEAR_XSTATE_BV_ON_XFD), List.of());
        assertThat(found(broken)).singleElement().asString().contains("switch_fpu_return");
        assertThat(found(fixed)).isEmpty();
        assertThat(found(fixed.changed(List.of(), List.of(Patch.RESTORE_WITH_XFD_ZERO))))
                .isEmpty();
    }
}
