package dev.worldswitch.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.worldswitch.explore.Recording;
import dev.worldswitch.explore.RecordingFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SiteTest {
    /** Small enough to be explored in less than a second. */
    private static final String SMALL = "scenario=xcr0&bounds=events%3D1";

    private static final String POST = "X-Worldswitch: 1\r\nContent-Type: application/x-www-form-urlencoded\r\n";

    @TempDir
    Path state;

    private Site site = null;

    @BeforeEach
    void start() throws IOException {
        site = new Site(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), Set.of("ws.example"), state, List.of(), 1);
    }

    @AfterEach
    void end() throws IOException {
        site.close();
    }

    private record Answer(int status, String headers, String body) {
        JsonNode json() throws IOException {
            return new ObjectMapper().readTree(body);
        }
    }

    /** By hand: a client library would not say what an attacker's browser says. */
    private Answer ask(String method, String path, String host, String headers, String body) throws IOException {
        try (Socket s = new Socket(InetAddress.getLoopbackAddress(), site.port())) {
            s.setSoTimeout(60_000);
            byte[] content = body.getBytes(StandardCharsets.UTF_8);
            OutputStream out = s.getOutputStream();
            out.write((method + " " + path + " HTTP/1.1\r\n" + (host.isEmpty() ? "" : "Host: " + host + "\r\n")
                            + headers + "Connection: close\r\nContent-Length: " + content.length + "\r\n\r\n")
                    .getBytes(StandardCharsets.UTF_8));
            out.write(content);
            out.flush();
            String all = new String(s.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int end = all.indexOf("\r\n\r\n");
            return new Answer(Integer.parseInt(all.split(" ")[1]), all.substring(0, end), all.substring(end + 4));
        }
    }

    private String here() {
        return "127.0.0.1:" + site.port();
    }

    private Answer get(String path) throws IOException {
        return ask("GET", path, here(), "", "");
    }

    private Answer post(String path, String form) throws IOException {
        return ask("POST", path, here(), POST + "Origin: http://" + here() + "\r\n", form);
    }

    private JsonNode ended(int id) throws Exception {
        for (int i = 0; i < 1200; i++) {
            JsonNode j = get("/api/jobs/" + id).json();
            if (!j.get("status").asText().matches("queued|running")) return j;
            Thread.sleep(50);
        }
        throw new AssertionError("exploration " + id + " does not end");
    }

    @Test
    void a_name_of_another_site_that_means_this_computer_gets_nothing() throws IOException {
        for (String host : new String[] {"evil.example:" + site.port(), "evil.example", "127.0.0.1.evil.example", ""})
            assertThat(ask("GET", "/api/jobs", host, "", "").status()).as(host).isIn(400, 403);
        for (String host : new String[] {here(), "localhost:" + site.port(), "[::1]:80", "ws.example"})
            assertThat(ask("GET", "/api/jobs", host, "", "").status()).as(host).isEqualTo(200);
    }

    @Test
    void a_page_of_another_site_starts_nothing_and_reads_nothing() throws IOException {
        assertThat(ask("POST", "/api/jobs", here(), POST + "Origin: http://evil.example\r\n", SMALL)
                        .status())
                .isEqualTo(403);
        assertThat(ask("POST", "/api/jobs", here(), POST + "Origin: null\r\n", SMALL)
                        .status())
                .isEqualTo(403);
        assertThat(ask("POST", "/api/jobs", here(), POST + "Sec-Fetch-Site: cross-site\r\n", SMALL)
                        .status())
                .isEqualTo(403);
        assertThat(ask("POST", "/api/jobs", here(), "Content-Type: application/x-www-form-urlencoded\r\n", SMALL)
                        .status())
                .isEqualTo(403);
        assertThat(ask("POST", "/api/jobs", here(), "X-Worldswitch: 1\r\nContent-Type: text/plain\r\n", SMALL)
                        .status())
                .isEqualTo(403);
        assertThat(ask("GET", "/api/jobs", here(), "Sec-Fetch-Site: cross-site\r\n", "")
                        .status())
                .isEqualTo(403);
        assertThat(ask("GET", "/", here(), "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", "")
                        .status())
                .isEqualTo(403);
        assertThat(ask("GET", "/", here(), "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", "")
                        .status())
                .as("a link that somebody follows")
                .isEqualTo(200);
        assertThat(ask("DELETE", "/api/jobs", here(), "", "").status()).isEqualTo(403);
        assertThat(get("/api/jobs").json()).isEmpty();
    }

    @Test
    void pages_run_only_their_own_scripts_and_are_in_no_frame() throws IOException {
        Answer page = get("/");
        assertThat(page.headers())
                .contains("script-src 'self'")
                .contains("frame-ancestors 'none'")
                .doesNotContain("script-src 'unsafe-inline'")
                .containsIgnoringCase("X-Content-Type-Options: nosniff");
        assertThat(get("/replay?schedule=ws2:xcr0:6.12:-").headers()).contains("'sha256-");
        assertThat(get("/app.js").status()).isEqualTo(200);
        assertThat(get("/nothing").status()).isEqualTo(404);
    }

    @Test
    void the_catalogue_has_what_the_command_line_lists() throws IOException {
        JsonNode c = get("/api/catalogue").json();
        assertThat(c.get("scenarios")).anyMatch(s -> s.get("name").asText().equals("xfd"));
        assertThat(c.get("machines")).anyMatch(m -> m.get("name").asText().equals("sapphire-rapids"));
        assertThat(c.get("patches")).anyMatch(p -> p.get("id").asText().equals("clear-xstate-bv-on-xfd"));
    }

    @Test
    void an_exploration_is_queued_runs_is_reported_and_its_finding_has_a_link_that_repeats_it() throws Exception {
        Answer started = post("/api/jobs", "scenario=xfd&without=clear-xstate-bv-on-xfd");
        assertThat(started.status()).isEqualTo(201);
        JsonNode j = ended(started.json().get("id").asInt());
        assertThat(j.get("status").asText()).as(j.toString()).isEqualTo("done");
        assertThat(j.get("findings")).hasSize(2);
        String schedule = j.get("findings").get(0).get("schedule").asText();
        Answer page = get("/replay?schedule=" + URLEncoder.encode(schedule, StandardCharsets.UTF_8));
        assertThat(page.status()).isEqualTo(200);
        assertThat(page.body()).contains("FIRST WRONG");
        assertThat(get("/jobs/1/report").body()).contains("2 ways found");
        assertThat(get("/jobs/1/verdict.json").json().get("findings")).hasSize(2);
    }

    @Test
    void a_scenario_is_posted_as_text_and_never_a_path_of_this_computer() throws Exception {
        Path mine = state.resolve("mine.scenario");
        String text = Files.readString(Path.of("../explore/src/main/resources/scenarios/xcr0.scenario"));
        Files.writeString(mine, text);
        for (String bad : new String[] {
            mine.toString(), "../xcr0.scenario", "xcr0.scenario", "posted-../../x", "posted-0123456789abcdef"
        }) {
            Answer a = post("/api/jobs", "scenario=" + URLEncoder.encode(bad, StandardCharsets.UTF_8));
            assertThat(a.status()).as(bad).isEqualTo(400);
            assertThat(get("/replay?schedule=" + URLEncoder.encode("ws2:" + bad + ":6.12:-", StandardCharsets.UTF_8))
                            .status())
                    .as(bad)
                    .isEqualTo(400);
        }
        Answer posted = post("/api/jobs", "bounds=events%3D1&text=" + URLEncoder.encode(text, StandardCharsets.UTF_8));
        assertThat(posted.status()).as(posted.body()).isEqualTo(201);
        JsonNode j = ended(posted.json().get("id").asInt());
        assertThat(j.get("status").asText()).as(j.toString()).isEqualTo("done");
        assertThat(j.get("command").asText()).contains("posted-");
        assertThat(post("/api/jobs", "text=nonsense").json().get("error").asText())
                .contains("line 1");
        assertThat(post("/api/jobs", "text=" + "x".repeat(300_000)).status()).isEqualTo(413);
        assertThat(post("/api/jobs", "scenario=xfd&seconds=0")
                        .json()
                        .get("error")
                        .asText())
                .contains("seconds");
        assertThat(post("/api/jobs", "scenario=xfd&without=bogus").status()).isEqualTo(400);
    }

    @Test
    void recordings_in_the_state_are_in_the_catalogue_and_explored_and_no_other_file_is() throws Exception {
        site.close();
        int version = 0xae00;
        Recording.Call asks = new Recording.Call(0, 0, version, 0, 12, Recording.NO_FILE, 0, List.of(), List.of());
        byte[] file =
                RecordingFile.bytes(new Recording("sapphire-rapids", "6.12", 1, "asks", List.of(asks), List.of(), ""));
        Files.write(state.resolve("recordings/asks.ws"), file);
        Files.writeString(state.resolve("recordings/foreign"), "description = no recording\n");
        Files.write(state.resolve("elsewhere.ws"), file);
        start();
        JsonNode all = get("/api/catalogue").json().get("recordings");
        assertThat(all).hasSize(1);
        assertThat(all.get(0).get("name").asText()).isEqualTo("asks.ws@0");
        assertThat(post("/api/jobs", "scenario=asks.ws@0").status()).isEqualTo(201);
        assertThat(ended(1).get("verdict").asText()).startsWith("clean");
        assertThat(get("/replay?schedule=ws2:asks.ws@0:6.12:-").status()).isEqualTo(200);
        for (String other : List.of("elsewhere.ws", state + "/elsewhere.ws", "../elsewhere.ws", "foreign"))
            assertThat(post("/api/jobs", "scenario=" + other).status())
                    .as(other)
                    .isEqualTo(400);
    }

    @Test
    void what_ran_when_the_server_ended_goes_on_and_what_was_done_is_still_there() throws Exception {
        post("/api/jobs", SMALL);
        JsonNode before = ended(1);
        // Far more than there is time for.
        post("/api/jobs", "scenario=sve-two-vcpus&bounds=events%3D4,switches%3D3&seconds=3000");
        for (int i = 0; i < 600 && get("/api/jobs/2").json().get("states").asLong() == 0; i++) Thread.sleep(50);
        assertThatThrownBy(() -> new Jobs(state, List.of(), 1)).hasMessageContaining("another ws serve");
        site.close();
        assertThat(state.resolve("jobs/2/part")).exists();
        start();
        assertThat(get("/api/jobs/1").json().get("verdict")).isEqualTo(before.get("verdict"));
        assertThat(get("/jobs/1/report").status()).isEqualTo(200);
        assertThat(get("/api/jobs/2").json().get("status").asText()).isIn("queued", "running");
        post("/api/jobs/2/stop", "");
        assertThat(ended(2).get("status").asText()).isEqualTo("stopped");
        post("/api/jobs/2/resume", "");
        assertThat(get("/api/jobs/2").json().get("status").asText()).isIn("queued", "running");
    }

    @Test
    void pages_hear_of_each_change() throws Exception {
        try (Socket s = new Socket(InetAddress.getLoopbackAddress(), site.port())) {
            s.setSoTimeout(60_000);
            s.getOutputStream()
                    .write(("GET /api/events HTTP/1.1\r\nHost: " + here() + "\r\n\r\n")
                            .getBytes(StandardCharsets.UTF_8));
            BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream(), StandardCharsets.UTF_8));
            for (String l = in.readLine(); !l.equals(": here"); l = in.readLine())
                assertThat(l).isNotNull();
            post("/api/jobs", SMALL);
            StringBuilder heard = new StringBuilder();
            while (!heard.toString().contains("\"status\":\"done\""))
                heard.append(in.readLine()).append('\n');
            assertThat(heard.toString())
                    .contains("data: {\"id\":1,\"status\":\"queued\"")
                    .contains("\"status\":\"running\"");
        }
    }
}
