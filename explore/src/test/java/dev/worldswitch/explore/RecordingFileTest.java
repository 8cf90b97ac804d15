package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordingFileTest {
    @TempDir
    Path folder;

    private static Recording some() {
        List<Recording.Bytes> before = List.of(new Recording.Bytes(Recording.MEMORY, 0x7000_1000L, new byte[] {1, 2}));
        List<Recording.Bytes> after = List.of(new Recording.Bytes(2, 40, new byte[] {-1}));
        List<Recording.Call> calls = List.of(
                new Recording.Call(0, 0, 0xae01, 0, 0, 1, 7, List.of(), List.of()),
                new Recording.Call(0, 1, 0xae41, 0, 0, 2, 7, before, List.of()),
                new Recording.Call(0, 2, 0xae80, -1, -4, Recording.NO_FILE, 7, List.of(), after));
        return new Recording("sapphire-rapids", "6.12", 1, "client", calls, List.of(0x7000_2000L, 0x7000_1000L), "");
    }

    /** Two threads of two processes, one of which gives way. */
    private static Recording several() {
        Recording r = some();
        List<Recording.Call> calls = new ArrayList<>(r.calls());
        for (long gaveWay : new long[] {Recording.WAITING, 0, 4096})
            calls.add(new Recording.Call(1, 2, 0xae80, 0, -4, Recording.NO_FILE, 7, gaveWay, List.of(), List.of()));
        List<List<Long>> pages = List.of(r.pages().getFirst(), List.of(0x5000L));
        return new Recording(r.machine(), r.kernel(), 1, "client", calls, List.of(0, 1), pages, "");
    }

    private static String text(Recording r) {
        StringBuilder b =
                new StringBuilder(r.machine() + r.kernel() + r.cpus() + r.client() + r.pages() + r.processes());
        for (Recording.Call c : r.calls()) {
            b.append(c.thread() + " " + c.file() + " " + c.command() + " " + c.argument() + " " + c.answer());
            b.append(" " + c.made() + " " + c.permission() + " " + c.gaveWay());
            for (Recording.Bytes y : c.before()) b.append(y.file() + " " + y.at() + Arrays.toString(y.bytes()));
            for (Recording.Bytes y : c.after()) b.append(y.file() + " " + y.at() + Arrays.toString(y.bytes()));
        }
        return b.toString();
    }

    @Test
    void what_is_written_is_read_back() {
        for (Recording r : List.of(some(), several()))
            assertThat(text(RecordingFile.parse("f", RecordingFile.bytes(r)))).isEqualTo(text(r));
    }

    @Test
    void a_file_of_version_1_is_read() {
        String some = "d29ybGRzd2l0Y2ggcmVjb3JkaW5nCgAAAAF8hLGFAAAAAAAAAFl4nOMvTiwoyMgsStUtSizITClmMdMzNGJLzslMzSth"
                + "YGRqbJBhZGZgaLzDxMDAxM7AwMB4EMRkZmdkaFjQ0MDOxAiSaLjL9B8GGNkZ2BkYmTUY/wMAmYEbYg==";
        assertThat(text(RecordingFile.parse("f", Base64.getDecoder().decode(some))))
                .isEqualTo(text(some()));
    }

    @Test
    void a_file_cut_anywhere_is_refused_in_one_line() {
        byte[] all = RecordingFile.bytes(some());
        for (int n = 0; n < all.length; n++) {
            byte[] part = Arrays.copyOf(all, n);
            assertThatThrownBy(() -> RecordingFile.parse("f", part))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageMatching("f is (not a recording|cut off).*")
                    .hasMessageNotContaining("\n");
        }
    }

    @Test
    void any_changed_byte_is_refused_in_one_line() {
        byte[] all = RecordingFile.bytes(some());
        for (int i = 0; i < all.length; i++) {
            byte[] bad = all.clone();
            bad[i] ^= 0x10;
            assertThatThrownBy(() -> RecordingFile.parse("f", bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageMatching("f is (not a recording|damaged|cut off|a recording of version).*");
        }
    }

    @Test
    void a_foreign_file_is_no_recording_and_a_recording_is_told_by_its_content() throws Exception {
        Path foreign = Files.writeString(folder.resolve("foreign"), "description = something\n");
        Path file = Files.write(folder.resolve("x.scenario"), RecordingFile.bytes(some()));
        assertThat(RecordingFile.is(foreign)).isFalse();
        assertThat(RecordingFile.is(file)).isTrue();
        assertThat(RecordingFile.is(folder.resolve("nothing"))).isFalse();
        assertThatThrownBy(() -> RecordingFile.read(foreign)).hasMessageContaining("is not a recording");
    }

    @Test
    void windows_lie_between_calls_that_make_files_and_have_a_run() {
        assertThat(some().windows()).containsExactly(new Recording.Window(2, 3));
    }
}
