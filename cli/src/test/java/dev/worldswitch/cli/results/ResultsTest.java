package dev.worldswitch.cli.results;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion.VersionFlag;
import dev.worldswitch.cli.results.TestResult.Outcome;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.migrate.Migration;
import dev.worldswitch.explore.migrate.Report;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.MachineProfile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.SchemaFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

class ResultsTest {
    private static final List<TestResult> THREE = List.of(
            new TestResult("amx_test", Outcome.PASS, "", 0.5, List.of()),
            new TestResult(
                    "a # \"<name>\"", Outcome.FAIL, "exit=254", 1.25, List.of("it said\u001b[31m & \u0000 <ended>")),
            new TestResult("sev_test", Outcome.SKIP, "no SEV", 0, List.of("1..0 # SKIP - no SEV")));

    @TempDir
    Path folder;

    private String told(boolean json, List<TestResult> all) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Results r = new Results(
                "suite",
                all.size(),
                new PrintStream(text, true, StandardCharsets.UTF_8),
                json,
                folder.resolve("junit.xml"));
        all.forEach(r::add);
        assertThat(r.end()).isEqualTo(Results.count(all, Outcome.FAIL) == 0);
        return text.toString(StandardCharsets.UTF_8);
    }

    @Test
    void ktap_has_a_plan_one_line_for_each_test_and_diagnostics_before_it() {
        assertThat(told(false, THREE).lines())
                .containsExactly(
                        "KTAP version 1",
                        "1..3",
                        "ok 1 amx_test",
                        "# it said [31m &   <ended>",
                        "not ok 2 a _ \"<name>\" # exit=254",
                        "# 1..0 # SKIP - no SEV",
                        "ok 3 sev_test # SKIP no SEV",
                        "# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0");
    }

    @Test
    void junit_xml_is_xml_whatever_a_client_printed() throws Exception {
        told(false, THREE);
        Element root = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(folder.resolve("junit.xml").toFile())
                .getDocumentElement();
        assertThat(root.getAttribute("tests")).isEqualTo("3");
        Element failed = (Element) root.getElementsByTagName("failure").item(0);
        assertThat(failed.getAttribute("message")).isEqualTo("exit=254");
        assertThat(failed.getTextContent()).isEqualTo("it said?[31m & ? <ended>");
        assertThat(((Element) failed.getParentNode()).getAttribute("name")).isEqualTo("a # \"<name>\"");
        assertThat(root.getElementsByTagName("skipped").getLength()).isEqualTo(1);
    }

    @Test
    void junit_xml_is_as_its_schema_says() throws Exception {
        told(false, THREE);
        SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI)
                .newSchema(Path.of("../docs/schema/junit.xsd").toFile())
                .newValidator()
                .validate(new StreamSource(folder.resolve("junit.xml").toFile()));
    }

    @Test
    void json_of_results_and_of_verdicts_is_as_its_schema_says() throws IOException {
        follows("results", told(true, THREE));
        follows("verdict", Exploration.replay("ws2:xcr0:6.12:-").json());
        KernelVersion without =
                KernelVersion.of("6.12").changed(List.of(Patch.of("kvm-fpu-check-at-entry")), List.of());
        follows(
                "verdict",
                Exploration.of(Scenario.builtIn("xcr0"), without).run(n -> {}).json());
    }

    @Test
    void json_of_migrations_clean_and_not_is_as_its_schema_says() throws IOException {
        MachineProfile amx = MachineProfile.builtIn("sapphire-rapids"),
                older = MachineProfile.builtIn("skylake-server");
        KernelVersion kernel = KernelVersion.of("6.12");
        Report clean = Migration.run(amx, kernel, amx, kernel, Migration.DOCUMENTED);
        Report not = Migration.run(amx, kernel, older, kernel, "legacy-xsave");
        assertThat(clean.rows()).isEmpty();
        assertThat(not.rows()).extracting(Report.Row::kind).contains(Report.Kind.MISSING, Report.Kind.REFUSED);
        follows("migrate", clean.json());
        follows("migrate", not.json());
    }

    private static void follows(String schema, String json) throws IOException {
        JsonSchema s = JsonSchemaFactory.getInstance(VersionFlag.V202012)
                .getSchema(Files.readString(Path.of("../docs/schema/" + schema + ".schema.json")));
        assertThat(s.validate(new ObjectMapper().readTree(json))).isEmpty();
        assertThat(s.validate(new ObjectMapper().readTree("{}"))).isNotEmpty();
    }
}
