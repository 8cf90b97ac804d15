package dev.worldswitch.cli;

import dev.worldswitch.explore.Recording;
import dev.worldswitch.explore.RecordingFile;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.server.HostServer;
import dev.worldswitch.server.SimulatedHost;
import dev.worldswitch.server.gdb.GdbServer;
import dev.worldswitch.server.gdb.Parking;
import dev.worldswitch.server.gdb.Stops;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The server of one {@code ws run}. The launcher (launcher/ws-run.c) has made the socket, starts the client, and closes
 * this program's standard input when the client has ended.
 */
final class RunServer {
    /** System properties by which the launcher tells the socket's descriptor, its path, and that it wants a plan. */
    private static final String LISTEN = "worldswitch.listen", SOCKET = "worldswitch.socket", PLAN = "worldswitch.plan";

    /** As in launcher/ws-run.c. */
    private static final String PLAN_MARK = "\1worldswitch-plan";

    private RunServer() {}

    static int serve(RunOptions o) throws IOException {
        Integer listening = Integer.getInteger(LISTEN);
        if (listening == null)
            throw new IllegalArgumentException(
                    "run is started by the launcher: ./ws run " + String.join(" ", o.client()));
        boolean plan = Boolean.getBoolean(PLAN);
        // What the launcher asks about, it has not looked at itself.
        ClientProgram program = ClientProgram.find(o.client().getFirst());
        if (program == null)
            throw new IllegalArgumentException("no program '" + o.client().getFirst() + "'");
        MachineProfile machine = machine(o.machine(), program, plan);
        KernelVersion version = KernelVersion.of(o.kernel()).changed(o.without(), o.with());
        Long seed = o.torture();
        String record = o.record();
        if (record != null) return record(o, record, listening, plan, program, machine, version);
        SimulatedHost host = seed == null
                ? SimulatedHost.plain(machine, version, o.cpus())
                : SimulatedHost.torture(machine, version, o.cpus(), seed);
        try (Listeners listeners = Listeners.of(o, host);
                GdbServer _ = o.gdb() == null ? null : debugger(o.gdb(), o.gdbWait(), host.kvm())) {
            HostServer.start(listening, host, listeners.calls());
            if (plan) sendPlan(o, program);
            while (System.in.read() >= 0) {}
            String chance = host.tortured();
            if (chance != null) System.err.println("ws: " + chance);
        }
        return 0;
    }

    private static GdbServer debugger(int port, boolean waits, KvmHost host) {
        Stops stops = new Stops(Parking.BLOCKING, waits);
        host.debug(stops);
        // The launcher passes it on to the client, and its status with it.
        stops.onKill(() -> ProcessHandle.current().parent().ifPresent(ProcessHandle::destroy));
        GdbServer s = GdbServer.start(port, stops);
        System.err.println("ws: gdb: target remote :" + s.port());
        return s;
    }

    /** What is explored has no clock of its own, so neither has what is recorded. */
    private static int record(
            RunOptions o,
            String file,
            int listening,
            boolean plan,
            ClientProgram program,
            MachineProfile machine,
            KernelVersion version)
            throws IOException {
        if (o.trace() != null || o.ftrace() != null || o.perfetto() != null || o.torture() != null)
            throw new IllegalArgumentException("--record does not go with --trace, --ftrace, --perfetto or --torture");
        if (o.gdb() != null) throw new IllegalArgumentException("--record goes not with --gdb: replay it with --gdb");
        Path to = Path.of(file);
        Files.write(to, new byte[0]);
        SimulatedHost host = SimulatedHost.observed(machine, version, o.cpus(), (cpu, step) -> {});
        SessionRecorder recorder = SessionRecorder.of(host);
        HostServer.start(listening, host, recorder);
        if (plan) sendPlan(o, program);
        while (System.in.read() >= 0) {}
        Recording r = recorder.recording(
                machine.name(), Recording.kernelText(version), o.cpus(), String.join(" ", o.client()));
        byte[] bytes = RecordingFile.bytes(r);
        Files.write(to, bytes);
        System.err.println("ws: recorded " + r.calls().size() + " calls in " + bytes.length + " bytes, " + file
                + (r.unrepeatable().isEmpty() ? "" : ", which can't be repeated: " + r.unrepeatable()));
        return 0;
    }

    private static void sendPlan(RunOptions o, ClientProgram program) {
        Path build = Path.of(System.getProperty("worldswitch.build", ".build")).toAbsolutePath();
        ClientCommand c =
                ClientCommand.of(program, o.client(), o.trap(), build, Path.of(System.getProperty(SOCKET, "")));
        StringBuilder words = new StringBuilder(PLAN_MARK).append('\0');
        c.environment().forEach((k, v) -> words.append(k).append('=').append(v).append('\0'));
        if (o.trace() != null) words.append("WORLDSWITCH_TRACE=1\0");
        words.append('\0');
        for (String w : c.words()) words.append(w).append('\0');
        PrintStream out = System.out;
        byte[] all = words.toString().getBytes(StandardCharsets.UTF_8);
        out.write(all, 0, all.length);
        out.close();
    }

    /** The machine asked for, or the first of the client's own architecture. */
    private static MachineProfile machine(
            @org.jspecify.annotations.Nullable String name, ClientProgram program, boolean say) {
        boolean arm64 = program.machine() == ClientProgram.Machine.ARM64
                || program.machine() == ClientProgram.Machine.HOST
                        && System.getProperty("os.arch").equals("aarch64");
        String arch = arm64 ? "arm64" : "x86";
        if (name == null) {
            for (String n : MachineProfile.names()) {
                MachineProfile m = MachineProfile.builtIn(n);
                if (m.arch().equals(arch)) return m;
            }
            throw new IllegalArgumentException(
                    "there is no machine with arch " + arch + " yet; --machine names another");
        }
        MachineProfile m = MachineProfile.builtIn(name);
        if (say && !m.arch().equals(arch))
            System.err.println("ws: " + program.file() + " is a program for " + arch + ", machine " + name + " is "
                    + m.arch() + ": its KVM has other structures than the client was compiled for");
        return m;
    }
}
