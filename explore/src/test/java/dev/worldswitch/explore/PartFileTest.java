package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.TreeMap;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Files of {@code ws explore --save}: whole ones are read, all others refused in one line. */
class PartFileTest {
    private static final String SCHEDULE = "ws2:xfd:6.12:131i.4fa2";
    private static final Part PART = new Part(
            "xfd",
            "6.12",
            "2 events",
            "1/2",
            new Verdict.Figures(
                    3,
                    2,
                    7,
                    1,
                    List.of(),
                    new CoverageMap("x86", List.of("a step"), new TreeMap<>(), List.of("KVM_RUN"))),
            List.of(List.of("P1", "what was found", SCHEDULE)),
            List.of(SCHEDULE, "ws2:xfd:6.12:-"));

    private static void isRefusedInOneLine(ThrowingCallable reading) {
        assertThatThrownBy(reading)
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .startsWith("saved")
                .doesNotContain("\n");
    }

    @Test
    void a_whole_file_is_read_as_it_was_written() {
        assertThat(Part.parse("saved", PART.text())).isEqualTo(PART);
    }

    @Test
    void a_file_that_was_cut_off_anywhere_is_refused() {
        String text = PART.text();
        for (int n = 0; n < text.length(); n++) {
            String cut = text.substring(0, n);
            isRefusedInOneLine(() -> Part.parse("saved", cut));
        }
    }

    @Test
    void a_file_in_which_a_byte_was_changed_doubled_or_lost_is_refused() {
        String text = PART.text();
        for (int n = 0; n < text.length(); n++) {
            String before = text.substring(0, n), rest = text.substring(n + 1);
            char c = text.charAt(n);
            isRefusedInOneLine(() -> Part.parse("saved", before + (char) (c ^ 1) + rest));
            isRefusedInOneLine(() -> Part.parse("saved", before + rest));
            isRefusedInOneLine(() -> Part.parse("saved", before + c + c + rest));
        }
    }

    @Test
    void whole_lines_that_say_nothing_are_refused() {
        String head =
                "worldswitch part 3\nscenario\tx\nkernel\t6.12\nbounds\tb\nfigures\t1\t1\t1\t1\narchitecture\tx86\n";
        for (String bad : List.of(
                "",
                "shard\t1",
                "shard\t1/2\nfound\tP1\twhat",
                "shard\t1/2\nfound\tP1\twhat\tws2:x",
                "shard\t1/2\ntodo\tws1:xfd",
                "shard\t1/2\ntried\tan event\ta step",
                "shard\t1/2\nstep",
                "shard\t1/2\nfigures\t-1\t1\t1\t1"))
            isRefusedInOneLine(() -> Part.parse("saved", Part.whole(head + bad + "\n")));
        assertThat(Part.parse("saved", Part.whole(head + "shard\t1/2\n")).shard())
                .isEqualTo("1/2");
    }
}
