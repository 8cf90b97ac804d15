package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Changes one named step of the world switch in the source of the kernel or of KVM, compiles that, and explores with it:
 * some scenario must fail. Nothing in the explorer knows of the changes.
 */
class MutationTest {
    private static final String FPU = "kernel/src/main/java/dev/worldswitch/kernel/x86/Fpu.java";
    private static final String ENTRY = "kvm/src/main/java/dev/worldswitch/kvm/x86/GuestEntry.java";

    private static final String ARM64 = "kvm/src/main/java/dev/worldswitch/kvm/arm64/";

    /** In {@code file} the text {@code from} becomes {@code to}; then {@code scenario} finds {@code property}. */
    private record Mutant(String name, String file, String from, String to, String scenario, String property) {}

    private static final List<Mutant> MUTANTS = List.of(
            new Mutant(
                    "kernel_fpu_begin() without the save",
                    FPU,
                    "            saveFpregsToFpstate(current);\n        }\n        cpuInvalidate",
                    "        }\n        cpuInvalidate",
                    "xcr0",
                    "own-registers"),
            new Mutant(
                    "kernel_fpu_begin() without the save, beside a recorded client",
                    FPU,
                    "            saveFpregsToFpstate(current);\n        }\n        cpuInvalidate",
                    "        }\n        cpuInvalidate",
                    RecordedClientTest.NAME,
                    "client-registers"),
            new Mutant(
                    "kernel_fpu_begin() without setting TIF_NEED_FPU_LOAD",
                    FPU,
                    "            current.flags().setBits(TIF_NEED_FPU_LOAD);\n            save",
                    "            save",
                    "xcr0",
                    "own-registers"),
            new Mutant(
                    "kernel_fpu_begin() without setting TIF_NEED_FPU_LOAD: two owners",
                    FPU,
                    "            current.flags().setBits(TIF_NEED_FPU_LOAD);\n            save",
                    "            save",
                    "xcr0",
                    "one-owner"),
            new Mutant(
                    "fpsimd_flush_cpu_state() without TIF_FOREIGN_FPSTATE: two owners",
                    "kernel/src/main/java/dev/worldswitch/kernel/arm64/Fpsimd.java",
                    "        if (current != null && flushSetsForeign) current.flags().setBits(TIF_FOREIGN_FPSTATE);\n",
                    "",
                    "kernel-neon",
                    "one-owner"),
            new Mutant(
                    "no kvm_arch_vcpu_ctxflush_fp()",
                    ARM64 + "KvmFp.java",
                    "        if (task.flags().test(Task.TIF_FOREIGN_FPSTATE))\n            host(Fpsimd.cpu(task)).fpOwner().set(FpOwner.FREE);\n",
                    "",
                    "sve-vl-window",
                    "guest-sve"),
            new Mutant(
                    "ZCR_EL2 for a guest hypervisor's guest as for itself",
                    ARM64 + "Vcpu.java",
                    "return isNested() && !inHypContext() ? Math.min(most, sys(SysReg.ZCR_EL2) & 15) : most;",
                    "return most;",
                    "sve-nested",
                    "guest-sve"),
            new Mutant(
                    "fpsimd_save_user_state() without sme_save_state()",
                    "kernel/src/main/java/dev/worldswitch/kernel/arm64/Fpsimd.java",
                    "            if (st.svcr().test(Sme.SVCR_ZA)) cpu.host().smeSave(st.za(), st.zt0());\n",
                    "",
                    "za",
                    "own-za"),
            new Mutant(
                    "task_fpsimd_load() without sme_load_state()",
                    "kernel/src/main/java/dev/worldswitch/kernel/arm64/Fpsimd.java",
                    "        if (profile.hasSme() && own.svcr().test(Sme.SVCR_ZA)) cpu.host().smeLoad(own.za(), own.zt0());\n",
                    "",
                    "za",
                    "own-za"),
            new Mutant(
                    "kernel_fpu_begin() without invalidating the owner",
                    FPU,
                    "        cpuInvalidateFpregsState(p);\n    }\n\n    public void kernelFpuEnd",
                    "    }\n\n    public void kernelFpuEnd",
                    "xcr0",
                    "guest-registers"),
            new Mutant(
                    "fpu_swap_kvm_fpstate() without the save",
                    FPU,
                    "        if (!task.flags().test(TIF_NEED_FPU_LOAD) || !swapChecks) saveFpregsToFpstate(task);\n        if (enter)",
                    "        if (enter)",
                    "xcr0",
                    "own-registers"),
            new Mutant(
                    "fpu_swap_kvm_fpstate() without fpregs_lock()",
                    FPU,
                    "        fpregsLock(task);\n        if (!task.flags().test(TIF_NEED_FPU_LOAD) || !swapChecks) save",
                    "        if (!task.flags().test(TIF_NEED_FPU_LOAD) || !swapChecks) save",
                    "xcr0",
                    "own-registers"),
            new Mutant(
                    "restore_fpregs_from_fpstate() with XRSTOR before the write of IA32_XFD",
                    FPU,
                    "        xfdUpdateState(cpu, fpstate);\n        if (cpu.xrstors(fpstate.image(), maxFeatures)) "
                            + "excDeviceNotAvailable(caller);",
                    "        if (cpu.xrstors(fpstate.image(), maxFeatures)) excDeviceNotAvailable(caller);\n"
                            + "        xfdUpdateState(cpu, fpstate);",
                    "xfd",
                    "no-kernel-nm"),
            new Mutant(
                    "switch_fpu_return() without the restore",
                    FPU,
                    "            restoreFpregsFromFpstate(cpu, t.fpstate().get(), caller);\n",
                    "",
                    "xcr0",
                    "host-control"),
            new Mutant(
                    "fpu_update_guest_xfd() without the write of the MSR",
                    FPU,
                    "            xfdUpdateState(cpu(task), fps);\n            // A CPU where",
                    "            // A CPU where",
                    "xfd-nm",
                    "guest-nm"),
            new Mutant(
                    "no fpu_sync_guest_vmexit_xfd_state()",
                    ENTRY,
                    "        if (rs.xfdNoWriteIntercept.get() != 0) fpu().fpuSyncGuestVmexitXfdState(task);\n",
                    "",
                    "xfd-nm",
                    "host-control"),
            new Mutant(
                    "IA32_XFD_ERR not taken over at the exit",
                    ENTRY,
                    "            vcpu.xfdErr().set(cpu.rdmsrXfdErr());\n",
                    "            {}\n",
                    "xfd-nm",
                    "host-control"),
            new Mutant(
                    "IA32_XFD_ERR not zeroed at the exit",
                    ENTRY,
                    "        if (vcpu.xfdErr().get() != 0) cpu.wrmsrXfdErr(0);\n",
                    "",
                    "xfd-nm",
                    "host-control"),
            new Mutant(
                    "IA32_XFD_ERR not loaded at entry", ENTRY, "        loadXfdErr(cpu);\n", "", "xfd-nm", "guest-nm"),
            new Mutant(
                    "no kvm_load_host_xsave_state()",
                    ENTRY,
                    "        loadHostXsaveState(cpu);\n",
                    "",
                    "xcr0",
                    "no-panic"),
            new Mutant(
                    "XRSTOR that leaves PKRU out, and nobody else who loads it",
                    FPU,
                    "cpu.xrstors(fpstate.image(), maxFeatures))",
                    "cpu.xrstors(fpstate.image(), maxFeatures & ~(1L << 9)))",
                    "fpu-two-tasks",
                    "host-control"),
            new Mutant(
                    "guest entry with interrupts on",
                    ENTRY,
                    "        cpu.irqDisable();\n        rs.mode.enter();",
                    "        rs.mode.enter();",
                    "xcr0",
                    "guest-registers"),
            new Mutant(
                    "guest entry without switch_fpu_return()",
                    ENTRY,
                    "        if (checksFpu && task.flags().test(Task.TIF_NEED_FPU_LOAD)) fpu().switchFpuReturn(task);\n",
                    "",
                    "xcr0",
                    "guest-registers"),
            new Mutant(
                    "sched_out without the save",
                    FPU,
                    "        saveFpregsToFpstate(task);\n        thread(task).lastCpu().set(cpu(task).id());\n    }",
                    "        thread(task).lastCpu().set(cpu(task).id());\n    }",
                    "fpu-two-tasks",
                    "guest-runs"),
            new Mutant(
                    "XSAVE that leaves the tiles out",
                    FPU,
                    "fpstate().get().image(), maxFeatures);\n    }",
                    "fpstate().get().image(), maxFeatures & ~(1L << 18));\n    }",
                    "fpu-two-tasks",
                    "tiles"),
            new Mutant(
                    "kernel_fpu_begin() without in_kernel_fpu",
                    FPU,
                    "        p.inKernelFpu.set(1);\n",
                    "",
                    "xcr0",
                    "no-bug"),
            new Mutant(
                    "KVM_SET_ONE_REG of an ID register that is taken and not stored",
                    ARM64 + "IdRegs.java",
                    "            values.set(index(row.encoding()), value);\n            return 0;\n        } finally",
                    "            return 0;\n        } finally",
                    "id-registers",
                    "id-written"),
            new Mutant(
                    "KVM_GET_ONE_REG of the neighbour of a Z register",
                    ARM64 + "OneReg.java",
                    "if (isZ) return cells(c.fp().z(), n * ",
                    "if (isZ) return cells(c.fp().z(), (n ^ 1) * ",
                    "sve-vl-window",
                    "one-reg-sve"),
            new Mutant(
                    "a second KVM_RUN that is refused",
                    ARM64 + "VcpuRun.java",
                    "        if (vcpu.is(Vcpu.HAS_RUN_ONCE)) return 0;\n",
                    "        if (vcpu.is(Vcpu.HAS_RUN_ONCE)) return Errno.EPERM;\n",
                    "sve-vl-window",
                    "guest-goes-on"),
            new Mutant(
                    "perf's NMI leaves last-branch records off",
                    "kernel/src/main/java/dev/worldswitch/kernel/x86/X86Perf.java",
                    "        cpu.wrmsrDebugctl(cpu.rdmsrDebugctl() | LBR);\n",
                    "",
                    "debugctl",
                    "host-control"),
            new Mutant(
                    "a signal's handler starts without initial registers",
                    "kernel/src/main/java/dev/worldswitch/kernel/x86/FpuSignal.java",
                    "        cpu(task).xrstorsInit();\n",
                    "",
                    "signals",
                    "own-registers"),
            new Mutant(
                    "fpsimd_flush_thread() without fpsimd_flush_task_state()",
                    "kernel/src/main/java/dev/worldswitch/kernel/arm64/Fpsimd.java",
                    "        fpsimdFlushTaskState(task);\n        FpState own = thread(task).own();\n        own.z()",
                    "        FpState own = thread(task).own();\n        own.z()",
                    "sve-exec",
                    "own-vectors"),
            new Mutant(
                    "sched_in without TIF_NEED_FPU_LOAD",
                    FPU,
                    "        task.flags().setBits(TIF_NEED_FPU_LOAD);\n    }\n}",
                    "    }\n}",
                    "fpu-two-tasks",
                    "no-warn"));

    @TempDir
    static Path folder;

    @TestFactory
    List<DynamicTest> a_step_skipped_or_moved_makes_a_scenario_fail() {
        return MUTANTS.stream()
                .map(m -> DynamicTest.dynamicTest(m.name, () -> {
                    List<String> broken = explore(m);
                    assertThat(broken).contains(m.property);
                }))
                .toList();
    }

    /** Properties that neither a mutant here nor a patch left out of a built-in scenario breaks, and the test that does. */
    private static final Map<String, String> ELSEWHERE = Map.of(
            "client-answers", "RecordedClientTest",
            "bv-xfd", "XfdTest, beside no-kernel-nm",
            "no-deadlock", "ExplorerTest");

    @Test
    void every_property_is_shown_to_fail() {
        Set<String> shown = new TreeSet<>(ELSEWHERE.keySet());
        MUTANTS.forEach(m -> shown.add(m.property));
        Catalogue.rows().forEach(r -> shown.addAll(r.expected().finds()));
        Set<String> all = new TreeSet<>();
        Property.all().forEach(p -> all.add(p.id()));
        assertThat(shown).isEqualTo(all);
    }

    @Test
    void the_page_lists_every_property_with_its_source() throws Exception {
        List<String> page = Files.readAllLines(Path.of("..", "docs", "explore.md"));
        for (Property p : Property.all())
            assertThat(page).contains("| `" + p.id() + "` | " + p.says() + " | " + p.source() + " |");
    }

    @Test
    void the_unchanged_source_compiled_the_same_way_is_clean() throws Exception {
        assertThat(explore(new Mutant("none", FPU, "package ", "package ", "xcr0", "none")))
                .isEmpty();
    }

    private static List<String> explore(Mutant m) throws Exception {
        String text = Mutants.source(m.file);
        assertThat(text).as("source of " + m.file).contains(m.from);
        return Mutants.explore(folder, m.file, text.replace(m.from, m.to), m.scenario + " " + m.property);
    }
}
