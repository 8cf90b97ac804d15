package dev.worldswitch.cli.suite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.cli.results.Results;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SuiteTestsTest {
    private static final Vmm NONE = new Vmm(List.of("qemu"), "qemu is missing");

    @TempDir
    Path folder;

    private Path file(String name, String text) throws IOException {
        Path p = folder.resolve(name);
        Files.createDirectories(p.getParent());
        Files.writeString(p, text);
        return p;
    }

    private void program(String name, String shell) throws IOException {
        Files.setPosixFilePermissions(
                file(name, "#!/bin/sh\n" + shell + "\n"), PosixFilePermissions.fromString("rwx------"));
    }

    /** Without {@code ws run}: what is tested is who is started and what its end means. */
    private List<String> run(Suite s, long seconds) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Results r = new Results(
                s.name(), SuiteRunner.planned(s), new PrintStream(text, true, StandardCharsets.UTF_8), false, null);
        new SuiteRunner(List.of("env"), seconds).run(s, r, 3);
        r.end();
        return text.toString(StandardCharsets.UTF_8).lines().skip(2).toList();
    }

    @Test
    void a_kselftest_list_runs_each_test_and_reads_its_status() throws IOException {
        program("kvm/good", "echo fine");
        program("kvm/bad", "echo why; exit 254");
        program("kvm/left", "echo '1..0 # SKIP - no SEV'; exit 4");
        program("kvm/killed", "kill -9 $$");
        Path list = file("kselftest-list.txt", "kvm:good\nkvm:bad\nkvm:left\nkvm:absent\nkvm:killed\n");
        file("kvm/settings", "timeout=20\n");
        assertThat(run(Suite.read(list, "x86", NONE), 0))
                .containsExactly(
                        "ok 1 selftests: kvm: good",
                        "# why",
                        "not ok 2 selftests: kvm: bad # exit=254",
                        "# 1..0 # SKIP - no SEV",
                        "ok 3 selftests: kvm: left # SKIP no SEV",
                        "not ok 4 selftests: kvm: absent # file " + folder.resolve("kvm/absent") + " is missing",
                        "not ok 5 selftests: kvm: killed # signal 9",
                        "# Totals: pass:1 fail:3 xfail:0 xpass:0 skip:1 error:0");
        assertThat(Suite.read(list, "x86", NONE).tests())
                .extracting(SuiteTest::seconds)
                .containsOnly(20L);
        assertThat(Suite.read(list, "x86", NONE).only(List.of("bad")).tests()).hasSize(1);
    }

    @Test
    void a_client_that_does_not_end_is_ended_with_all_its_processes() throws IOException {
        program("hangs", "trap '' TERM; echo waiting; sleep 97 & wait; sleep 97");
        Suite s = Suite.read(file("list", "hangs\n"), "x86", NONE);
        assertThat(run(s, 1)).contains("# waiting", "not ok 1 hangs # TIMEOUT 1 seconds");
    }

    @Test
    void a_makefile_names_the_tests_of_the_machine_s_architecture() throws IOException {
        Path list = file("Makefile", """
                TEST_GEN_PROGS_x86_64 = x86_64/cpuid_test
                TEST_GEN_PROGS_x86_64 += x86_64/amx_test \\
                    set_memory_region_test
                TEST_GEN_PROGS_aarch64 += aarch64/get-reg-list
                TEST_GEN_PROGS += $(TEST_GEN_PROGS_$(ARCH))
                LIBKVM += lib/assert.c
                """);
        assertThat(Suite.read(list, "x86", NONE).tests())
                .extracting(SuiteTest::name)
                .containsExactly("x86_64/cpuid_test", "x86_64/amx_test", "set_memory_region_test");
        assertThat(Suite.read(list, "arm64", NONE).tests())
                .extracting(SuiteTest::name)
                .containsExactly("aarch64/get-reg-list");
    }

    @Test
    void unit_tests_are_started_as_their_own_runner_does_and_what_can_t_be_run_says_why() throws IOException {
        program(
                "vmm",
                "case \"$*\" in *skipped*) echo 'SUMMARY: 1 tests, 1 skipped'; exit 77;; *broken*) exit 3;; esac\n"
                        + "echo \"$*\" >args; echo 'SUMMARY: 2 tests'; exit 1");
        file("apic.flat", "");
        Path cfg = file("unittests.cfg", """
                # comment
                [apic-split]
                file = apic.flat
                smp = 2
                extra_params = -cpu qemu64,+x2apic -append "a b"
                arch = x86_64
                timeout = 30
                [skipped]
                file = apic.flat
                extra_params = -append skipped
                [broken]
                file = apic.flat
                extra_params = -append broken
                [taskswitch]
                file = apic.flat
                arch = i386
                [vmx]
                file = apic.flat
                extra_params = -cpu max,+vmx -append "x"
                [pmu]
                file = apic.flat
                check = /nowhere/nmi_watchdog=0
                [kvmclock]
                file = apic.flat
                extra_params = --append "`date +%s`"
                [manual]
                file = apic.flat
                groups = nodefault
                """);
        Suite s = Suite.read(cfg, "x86", new Vmm(List.of(folder.resolve("vmm").toString()), ""));
        assertThat(run(s, 0))
                .containsExactly(
                        "ok 1 apic-split # 2 tests",
                        "# SUMMARY: 1 tests, 1 skipped",
                        "ok 2 skipped # SKIP 1 tests, 1 skipped",
                        "not ok 3 broken # exit=3",
                        "ok 4 taskswitch # SKIP i386 only",
                        "ok 5 vmx # SKIP no nested virtualisation (docs/LIMITS.md)",
                        "ok 6 pmu # SKIP /nowhere/nmi_watchdog not equal to 0",
                        "ok 7 kvmclock # SKIP its parameters want a shell: --append \"`date +%s`\"",
                        "ok 8 manual # SKIP test marked as manual run only",
                        "# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:6 error:0");
        assertThat(Files.readString(folder.resolve("args")))
                .contains("-machine accel=kvm -kernel " + folder.resolve("apic.flat")
                        + " -smp 2 -cpu qemu64,+x2apic -append a b");
        assertThat(run(Suite.read(cfg, "x86", NONE).only(List.of("apic-split")), 0))
                .contains("ok 1 apic-split # SKIP qemu is missing");
    }

    @Test
    void a_file_that_is_neither_is_refused_by_line() throws IOException {
        Path cfg = file("unittests.cfg", "[a]\nfile = a.flat\nbogus = 1\n");
        assertThatThrownBy(() -> Suite.read(cfg, "x86", NONE))
                .hasMessageContaining("line 3")
                .hasMessageContaining("bogus");
        Path empty = file("empty", "# nothing\n");
        assertThatThrownBy(() -> Suite.read(empty, "x86", NONE)).hasMessageContaining("names no test");
    }
}
