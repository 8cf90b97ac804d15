package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What the ID registers of the built-in machines say, against the rows of the operand table. */
class A64FeaturesTest {
    /** Announced by an ID register without instructions of their own, or with system instructions only. */
    private static final Set<Feature> NO_ROWS = EnumSet.of(
            Feature.RAS,
            Feature.BTI,
            Feature.IDST,
            Feature.LSE2,
            Feature.SPECRES,
            Feature.RNDR,
            Feature.DPB,
            Feature.DPB2,
            Feature.PAN2);

    private static final List<String> MACHINES = List.of("max", "neoverse-n1", "neoverse-v1", "neoverse-v2", "a64fx");

    private static final Map<Feature, List<String>> ROWS = rows();

    private static Map<Feature, List<String>> rows() {
        Map<Feature, List<String>> r = new TreeMap<>();
        for (A64Row row : A64Table.rows())
            r.computeIfAbsent(row.feature(), f -> new ArrayList<>()).add(row.name());
        return r;
    }

    @ParameterizedTest
    @FieldSource("MACHINES")
    void every_feature_that_a_machine_announces_has_rows(String machine) {
        Arm64Profile p = Arm64Profile.builtIn(machine);
        Set<Feature> announced =
                Arrays.stream(Feature.values()).filter(f -> f.in(p)).collect(Collectors.toSet());
        announced.removeAll(NO_ROWS);
        // SME is state and traps here; its instructions end the run by name.
        announced.remove(Feature.SME);
        assertThat(announced).isSubsetOf(ROWS.keySet());
    }

    @ParameterizedTest
    @FieldSource("MACHINES")
    void what_a_machine_does_not_announce_is_undefined_on_it(String machine) {
        Arm64Profile p = Arm64Profile.builtIn(machine);
        boolean[] features = A64Table.features(p);
        for (A64Row row : A64Table.rows()) {
            if (row.feature().in(p) || A64Table.find(row.value()) != row) continue;
            assertThat(A64Table.decode(row.value(), 0, features))
                    .as(machine + ": " + row.name())
                    .isInstanceOf(SystemOps.Undefined.class);
        }
    }

    /** Fields of the instruction set registers: each value that a machine has must be one that a feature stands for. */
    @ParameterizedTest
    @FieldSource("MACHINES")
    void every_field_of_the_instruction_set_registers_is_a_feature(String machine) {
        Arm64Profile p = Arm64Profile.builtIn(machine);
        for (SysReg id : List.of(
                SysReg.ID_AA64ISAR0_EL1, SysReg.ID_AA64ISAR1_EL1, SysReg.ID_AA64ISAR2_EL1, SysReg.ID_AA64ZFR0_EL1)) {
            for (int shift = 0; shift < 64; shift += 4) {
                int field = p.field(id, shift), at = shift;
                if (field == 0 || WITHOUT_ROWS.contains(id.name() + "[" + shift + "]")) continue;
                int known = Arrays.stream(Feature.values())
                        .mapToInt(f -> f.value(id, at))
                        .max()
                        .orElse(0);
                assertThat(known).as(machine + " " + id + " bits " + shift).isPositive();
            }
        }
    }

    /** TLBI ranges, the algorithms of pointer authentication that PAUTH and PACGA stand for, data gathering hint. */
    private static final Set<String> WITHOUT_ROWS = Set.of(
            "ID_AA64ISAR0_EL1[56]",
            "ID_AA64ISAR1_EL1[8]",
            "ID_AA64ISAR1_EL1[28]",
            "ID_AA64ISAR1_EL1[48]",
            "ID_AA64ISAR2_EL1[8]",
            "ID_AA64ISAR2_EL1[12]");

    /** The comparison with qemu-aarch64 goes over all rows of {@code max} but those that it names. */
    @Test
    void no_row_that_a_machine_has_is_left_out_of_the_comparison_but_by_name() {
        List<Arm64Profile> machines =
                MACHINES.stream().map(Arm64Profile::builtIn).toList();
        for (A64Row row : A64Table.rows()) {
            if (machines.stream().anyMatch(m -> row.feature().in(m)))
                assertThat(row.feature().in(machines.getFirst())).as(row.name()).isTrue();
            if (!row.feature().isSve()) continue;
            assertThat(A64Cases.isLeftOut(row)).as(row.name()).isFalse();
            assertThat(A64Cases.isWrongInReference(row, 2)).as(row.name()).isFalse();
        }
    }

    @Test
    void sve_and_sve2_have_the_rows_of_the_architecture() {
        assertThat(ROWS.get(Feature.SVE)).hasSizeGreaterThan(400);
        assertThat(ROWS.get(Feature.SVE2)).hasSizeGreaterThan(200);
    }
}
