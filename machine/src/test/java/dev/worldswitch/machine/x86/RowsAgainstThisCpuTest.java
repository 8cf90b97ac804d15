package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Each row of the operand table is compared with this computer's CPU, or is in the list of those that are not. */
class RowsAgainstThisCpuTest {
    private static final long SEED = Long.getLong("rows.seed", 20261121);
    private static final int SAMPLES = Integer.getInteger("rows.samples", 30);
    /** A pattern of mnemonics: only these rows. */
    private static final String ONLY = System.getProperty("rows.only", "");

    private static final List<OpTableSource> WHOLE = List.of(
            new IntegerTable(),
            new BitTable(),
            new MmxTable(),
            new X87Table(),
            new X87ArithmeticTable(),
            new X87FunctionTable(),
            new Avx512Table(),
            new Avx512ShuffleTable(),
            new Avx512FloatTable(),
            new Avx512FormTable(),
            new Avx512NewerTable(),
            new Avx512MoveTable(),
            new GatherTable(),
            new OpmaskTable());
    private static final Set<String> SYSTEM = Set.of("PUSHF", "POPF", "ENTER", "UD0", "UD1", "UD2");

    static String name(Row r) {
        return r.mnemonic() + " " + r.encoding();
    }

    private static List<Row> rows() throws IOException {
        Set<String> not = notCompared().keySet();
        List<Row> rows = new ArrayList<>();
        for (OpTableSource s : WHOLE) rows.addAll(s.rows());
        for (Row r : new SystemTable().rows()) if (SYSTEM.contains(r.mnemonic())) rows.add(r);
        for (OpTableSource s : List.of(new SseTable(), new AvxTable()))
            for (Row r : s.rows()) if (r.mnemonic().endsWith("MASKMOVDQU")) rows.add(r);
        rows.removeIf(r ->
                not.contains(name(r)) || X87FunctionsAgainstThisCpuTest.compares(r) || ApproximationsTest.compares(r));
        if (!ONLY.isEmpty()) rows.removeIf(r -> !r.mnemonic().matches(ONLY));
        return rows;
    }

    /** Row to reason. */
    private static java.util.Map<String, String> notCompared() throws IOException {
        java.util.Map<String, String> list = new java.util.TreeMap<>();
        try (InputStream in = RowsAgainstThisCpuTest.class.getResourceAsStream("/rows-not-compared.txt")) {
            if (in == null) throw new IOException("rows-not-compared.txt is missing");
            String reason = "";
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                if (line.startsWith("#")) reason = line.substring(1).strip();
                else if (!line.isBlank()) list.put(line.strip(), reason);
            }
        }
        return list;
    }

    @Test
    void every_row_is_compared_or_listed_with_a_reason() throws IOException {
        assumeTrue(ONLY.isEmpty());
        Set<String> compared = new HashSet<>();
        for (Row r : rows()) compared.add(name(r));
        // VectorSemanticsTest fails when one of these was never compared.
        for (OpTableSource s : VectorSemanticsTest.TABLES)
            for (Row r : s.rows()) if (!r.mnemonic().endsWith("MASKMOVDQU")) compared.add(name(r));
        for (Row r : OpTable.rows())
            if (X87FunctionsAgainstThisCpuTest.compares(r) || ApproximationsTest.compares(r)) compared.add(name(r));
        Set<String> missing = new TreeSet<>();
        Set<String> all = new HashSet<>();
        for (Row r : OpTable.rows()) {
            all.add(name(r));
            if (!compared.contains(name(r))) missing.add(name(r));
        }
        java.util.Map<String, String> listed = notCompared();
        listed.forEach((row, reason) -> System.out.println("not compared: " + row + ": " + reason));
        System.out.println(all.size() - listed.size() + " of " + all.size() + " rows are compared with this CPU");
        assertThat(listed.keySet()).isEqualTo(missing);
        assertThat(listed.values()).noneMatch(String::isBlank);
    }

    @Test
    void every_row_does_what_this_computer_does() throws Exception {
        try (NativeCpu cpu = new NativeCpu()) {
            compare(cpu, Integer.MAX_VALUE, SEED, SAMPLES);
            compare(cpu, 1, SEED + 1, 2);
        } catch (IOException e) {
            assumeTrue(false, "no native CPU to compare with: " + e.getMessage());
        }
    }

    private static void compare(NativeCpu cpu, int threshold, long seed, int samples) throws IOException {
        RowCases gen = new RowCases(seed);
        NativeComparison here = new NativeComparison(threshold);
        List<String> differences = new ArrayList<>();
        Set<String> ran = new HashSet<>(), lacking = new TreeSet<>();
        List<Row> rows = rows();
        for (Row r : rows) {
            int differ = 0;
            for (int done = 0; done < samples; ) {
                List<NativeCpu.Case> batch = new ArrayList<>();
                List<Integer> undefined = new ArrayList<>();
                for (; batch.size() < NativeCpu.BATCH && done < samples; done++) {
                    batch.add(gen.next(r));
                    undefined.add(gen.undefined);
                }
                List<NativeCpu.Result> want = cpu.run(batch);
                for (int k = 0; k < batch.size(); k++) {
                    // This computer may lack BMI, ADX or AVX-512.
                    boolean newer = r.encoding().contains("VEX") || r.mnemonic().matches("AD[CO]X");
                    if (newer && want.get(k).signal() == 4) {
                        lacking.add(name(r));
                        continue;
                    }
                    if (want.get(k).signal() == 0) ran.add(name(r));
                    String d = here.difference(batch.get(k), undefined.get(k), want.get(k));
                    if (!d.isEmpty() && differ++ < 2) differences.add(name(r) + " " + d);
                }
            }
        }
        assertThat(differences)
                .as("seed " + seed + ", " + samples + " cases a row")
                .isEmpty();
        Set<String> never = new TreeSet<>();
        for (Row r : rows) if (!ran.contains(name(r)) && !r.mnemonic().startsWith("UD")) never.add(name(r));
        never.removeAll(lacking);
        lacking.removeAll(ran);
        if (!lacking.isEmpty()) System.out.println("this CPU lacks " + lacking);
        if (samples >= 30) assertThat(never).as("rows that only faulted").isEmpty();
    }
}
