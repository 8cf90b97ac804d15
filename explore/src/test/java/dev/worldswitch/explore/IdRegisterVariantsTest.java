package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ways to keep a VM's ID registers that the review of "KVM: arm64: Save ID registers' sanitized value per guest" turned
 * down: each is found. The flag set after the entry is the catalogue's run-flag-under-config-lock.
 */
class IdRegisterVariantsTest {
    private static final String FILE = "kvm/src/main/java/dev/worldswitch/kvm/arm64/IdRegs.java";
    private static final String TEST =
            "            if (vm.hasRunOnce()) return value == get(v, row) ? 0 : Errno.EBUSY;\n";
    private static final String LOCK = "        vm.configLock().lock();\n        try {\n";
    private static final String STORE =
            "            values.set(index(row.encoding()), value);\n            return 0;\n";

    private record Variant(String name, List<String> fromTo, String found) {}

    private static final List<Variant> VARIANTS = List.of(
            new Variant(
                    "a writer tests \"has run\" before it takes the lock",
                    List.of(LOCK + TEST, TEST + LOCK),
                    "id-registers id-constant"),
            new Variant(
                    "a writer stores first and tests then",
                    List.of(
                            TEST,
                            "",
                            STORE,
                            STORE.replace("            return 0;\n", "") + TEST + "            return 0;\n"),
                    "id-registers id-constant"),
            new Variant(
                    "a writer asks whether its own vCPU has run",
                    List.of("if (vm.hasRunOnce()) return value", "if (v.is(Vcpu.HAS_RUN_ONCE)) return value"),
                    "id-registers id-constant"),
            new Variant(
                    "values of each vCPU",
                    List.of(
                            "region.words(\"idRegs\", COUNT)",
                            "region.words(\"idRegs\", COUNT * 4)",
                            "ids.values.get(index(row.encoding()))",
                            "ids.values.get(COUNT * (int) v.id() + index(row.encoding()))",
                            "values.set(index(row.encoding()), value);\n            return 0;",
                            "values.set(COUNT * (int) v.id() + index(row.encoding()), value);\n            return 0;",
                            "values.set(index(r.encoding()), sanitised(v, r));",
                            "for (int i = 0; i < 4; i++) values.set(COUNT * i + index(r.encoding()), sanitised(v, r));"),
                    "id-registers id-constant"),
            new Variant(
                    "guests read what the host has, not what was stored",
                    List.of(
                            "return write ? Inject.undefined(v) : get(v, row);",
                            "return write ? Inject.undefined(v) : v.vm().idRegs().sanitised(v, row);"),
                    "id-registers id-constant"),
            new Variant(
                    "two writers' values are mixed",
                    List.of(
                            STORE,
                            STORE.replace(
                                    "row.encoding()), value)",
                                    "row.encoding()), value & values.get(index(row.encoding())))")),
                    "id-registers-writers id-written"),
            new Variant(
                    "a refused write leaves a trace",
                    List.of(TEST, "            values.set(index(row.encoding()), value);\n" + TEST),
                    "id-registers id-constant"));

    @TempDir
    static Path folder;

    @TestFactory
    List<DynamicTest> a_variant_that_the_review_turned_down_is_found() {
        return VARIANTS.stream()
                .map(v -> DynamicTest.dynamicTest(v.name, () -> {
                    String text = Mutants.source(FILE);
                    for (int i = 0; i < v.fromTo.size(); i += 2) {
                        assertThat(text).contains(v.fromTo.get(i));
                        text = text.replace(v.fromTo.get(i), v.fromTo.get(i + 1));
                    }
                    assertThat(Mutants.explore(folder, FILE, text, v.found))
                            .contains(v.found.split(" ")[1]);
                }))
                .toList();
    }
}
