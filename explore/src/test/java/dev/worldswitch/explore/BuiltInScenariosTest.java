package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BuiltInScenariosTest {
    static List<Catalogue.Row> rows() {
        return Catalogue.rows();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void come_out_as_their_files_say(Catalogue.Row row) {
        Catalogue.Outcome o = row.run(false);
        assertThat(o.found()).as(row.command()).isEqualTo(row.expected().finds());
        assertThat(o.asExpected()).as(row.command()).isTrue();
        for (Finding f : o.verdict().findings()) TimelineTest.isFitForAMail(f);
        assertThat(o.verdict().text().lines())
                .allMatch(l -> l.length() <= Picture.COLUMNS || l.contains("ws replay ") || l.contains(" on kernel "))
                .allMatch(l -> l.matches("[ -~]*"));
    }
}
