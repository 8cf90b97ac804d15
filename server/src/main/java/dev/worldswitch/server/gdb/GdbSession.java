package dev.worldswitch.server.gdb;

import dev.worldswitch.kvm.DebugRegister;
import dev.worldswitch.server.gdb.Breakpoints.Point;
import dev.worldswitch.server.gdb.Stops.Mode;
import dev.worldswitch.server.gdb.Stops.Port;
import dev.worldswitch.server.gdb.Stops.Stop;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One GDB that is connected: its packets, one after the other (GDB manual, E.2 "Packets" to E.6). */
final class GdbSession {
    private static final int PACKET_SIZE = 0x8000;
    private static final String ERROR = "E01", FAULT = "E14", OK = "OK";

    /** Beside packets and stops in the queue of what happened. */
    private enum Other {
        CLOSED,
        ENDED
    }

    private final Packets packets;
    private final Stops stops;
    private final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
    private int current;
    private boolean physical, over;
    private Stop last = new Stop(5, 0, "", "");

    GdbSession(Packets packets, Stops stops) {
        this.packets = packets;
        this.stops = stops;
    }

    /** The client ended. */
    void ended() {
        events.add(Other.ENDED);
    }

    /** Serves until GDB goes. */
    void serve() throws IOException, InterruptedException {
        Thread reader = new Thread(null, this::read, "ws-gdb-reader", 0);
        reader.setDaemon(true);
        reader.start();
        stops.listener(events::add);
        stops.hold();
        stops.quiet();
        current = number(stops.thread(0));
        while (!over) {
            Object e = events.take();
            if (e instanceof String p && !p.equals(Packets.INTERRUPT)) {
                String answer = answer(p);
                if (!answer.equals(NONE)) packets.send(answer);
            } else if (e == Other.CLOSED) over = true;
        }
        stops.detach();
    }

    private void read() {
        try {
            while (true) events.add(packets.receive());
        } catch (IOException e) {
            events.add(Other.CLOSED);
        }
    }

    /** No reply goes out. */
    private static final String NONE = "\0";

    private String answer(String p) throws IOException, InterruptedException {
        try {
            return switch (p.isEmpty() ? 0 : p.charAt(0)) {
                case '?' -> stopReply();
                case 'g' -> readAll();
                case 'G' -> writeAll(p.substring(1));
                case 'p' -> read(Integer.parseInt(p.substring(1), 16));
                case 'P' -> write(p.substring(1));
                case 'm' -> readMemory(p.substring(1));
                case 'M' -> {
                    int colon = p.indexOf(':');
                    yield writeMemory(p.substring(1, colon), Packets.bytes(p.substring(colon + 1)));
                }
                case 'X' -> {
                    int colon = p.indexOf(':');
                    byte[] b = p.substring(colon + 1).getBytes(StandardCharsets.ISO_8859_1);
                    yield writeMemory(p.substring(1, colon), b);
                }
                case 'H' -> choose(p);
                case 'T' -> stops.thread(thread(p.substring(1))) == null ? ERROR : OK;
                case 'c' -> p.length() > 1 ? "" : resume(List.of(new Action(Mode.RUN, -1)));
                case 's' ->
                    p.length() > 1 ? "" : resume(List.of(new Action(Mode.STEP, current), new Action(Mode.RUN, -1)));
                case 'b' -> reverse(p);
                case 'Z', 'z' -> point(p);
                case 'D' -> {
                    over = true;
                    yield OK;
                }
                case 'k' -> {
                    kill();
                    yield NONE;
                }
                case 'v' -> v(p);
                case 'q', 'Q' -> query(p);
                default -> "";
            };
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            return ERROR;
        }
    }

    /** A recording has the pages that its guest used, and throws at others. */
    private static <T> @Nullable T known(Supplier<@Nullable T> memory) {
        try {
            return memory.get();
        } catch (IllegalArgumentException e) {
            throw e;
        } catch (RuntimeException e) {
            return null;
        }
    }

    // Threads.

    private static int number(@Nullable Port p) {
        return p == null ? 0 : p.number();
    }

    private static int thread(String hex) {
        return hex.equals("-1") ? -1 : Integer.parseInt(hex, 16);
    }

    private Port port() {
        Port p = stops.thread(current);
        if (p == null) p = stops.thread(0);
        if (p == null) throw new IllegalArgumentException("no vCPU");
        return p;
    }

    private String choose(String p) {
        int n = thread(p.substring(2));
        if (n > 0 && stops.thread(n) == null) return ERROR;
        if (p.charAt(1) == 'g' && n > 0) current = n;
        return OK;
    }

    private String stopReply() {
        Port p = stops.thread(last.thread());
        if (p == null) p = stops.thread(0);
        if (p == null) return "W00";
        current = p.number();
        String reason = last.reason().matches("[sh]wbreak:;") && !isFlat(p) ? "" : last.reason();
        return String.format("T%02x%sthread:%x;", last.signal(), reason, p.number());
    }

    /**
     * Is the program counter the address that breakpoints go by? Where a code segment has a base, GDB would look for its breakpoint
     * in vain, and go on.
     */
    private static boolean isFlat(Port p) {
        for (DebugRegister r : p.registers()) {
            if (!r.name().equals("rip") && !r.name().equals("pc")) continue;
            long v = 0;
            byte[] b = r.get().get();
            for (int i = 0; i < b.length; i++) v |= (b[i] & 0xffL) << 8 * i;
            return v == p.vcpu().pc();
        }
        return true;
    }

    // Registers.

    private String readAll() {
        StringBuilder b = new StringBuilder();
        for (DebugRegister r : port().registers())
            if (TargetDescription.isStandard(r)) b.append(Packets.hex(r.get().get()));
            else break;
        return b.toString();
    }

    private String writeAll(String hex) {
        if (!stops.writable()) return ERROR;
        int at = 0;
        for (DebugRegister r : port().registers()) {
            int end = at + 2 * r.bytes();
            if (end > hex.length()) break;
            r.set().accept(Packets.bytes(hex.substring(at, end)));
            at = end;
        }
        return OK;
    }

    private String read(int n) {
        return Packets.hex(port().registers().get(n).get().get());
    }

    private String write(String p) {
        if (!stops.writable()) return ERROR;
        int is = p.indexOf('=');
        DebugRegister r = port().registers().get(Integer.parseInt(p.substring(0, is), 16));
        byte[] b = Packets.bytes(p.substring(is + 1));
        if (b.length != r.bytes()) return ERROR;
        r.set().accept(b);
        return OK;
    }

    // Memory.

    private String readMemory(String p) {
        int comma = p.indexOf(',');
        long at = Long.parseUnsignedLong(p.substring(0, comma), 16);
        int n = Math.min(Integer.parseInt(p.substring(comma + 1), 16), PACKET_SIZE / 2 - 16);
        byte[] b = known(() -> port().vcpu().read(at, n, physical));
        return b == null ? FAULT : Packets.hex(b);
    }

    private String writeMemory(String where, byte[] bytes) {
        if (!stops.writable()) return ERROR;
        long at = Long.parseUnsignedLong(where.substring(0, where.indexOf(',')), 16);
        return port().vcpu().write(at, bytes, physical) ? OK : FAULT;
    }

    // Going on.

    /** @param thread -1 for all */
    private record Action(Mode mode, int thread) {}

    private String v(String p) throws IOException, InterruptedException {
        if (p.equals("vCont?")) return "vCont;c;C;s;S";
        if (p.startsWith("vKill;")) {
            kill();
            return OK;
        }
        if (!p.startsWith("vCont;")) return "";
        List<Action> actions = new ArrayList<>();
        for (String a : p.substring(6).split(";")) {
            int colon = a.indexOf(':');
            boolean step = a.charAt(0) == 's' || a.charAt(0) == 'S';
            actions.add(new Action(step ? Mode.STEP : Mode.RUN, colon < 0 ? -1 : thread(a.substring(colon + 1))));
        }
        return resume(actions);
    }

    private static Mode mode(List<Action> actions, int thread) {
        for (Action a : actions) if (a.thread == -1 || a.thread == thread) return a.mode;
        return Mode.HELD;
    }

    private String resume(List<Action> actions) throws IOException, InterruptedException {
        events.removeIf(e -> e instanceof Stop);
        stops.resume(
                stops.threads().stream().map(p -> mode(actions, p.number())).toList());
        return stopped();
    }

    private String reverse(String p) throws IOException, InterruptedException {
        if (!stops.reverses() || !p.equals("bs") && !p.equals("bc")) return "";
        events.removeIf(e -> e instanceof Stop);
        stops.reverse(p.equals("bs"));
        return stopped();
    }

    private void kill() {
        over = true;
        stops.kill();
    }

    /** Waits for a stop, and says which. */
    private String stopped() throws IOException, InterruptedException {
        while (true) {
            switch (events.take()) {
                case Stop s -> {
                    stops.quiet();
                    last = s;
                    if (!s.said().isEmpty()) packets.send("O" + hex(s.said() + "\n"));
                    return stopReply();
                }
                case String p when p.equals(Packets.INTERRUPT) -> stops.interrupt();
                case Other o -> {
                    over = true;
                    return o == Other.ENDED ? "W00" : NONE;
                }
                default -> {}
            }
        }
    }

    private String point(String p) {
        String[] part = p.substring(1).split("[,;]");
        int kind = Integer.parseInt(part[0]);
        if (kind > Breakpoints.ACCESS) return "";
        Point point = new Point(kind, Long.parseUnsignedLong(part[1], 16), Integer.parseInt(part[2], 16));
        if (p.charAt(0) == 'Z') stops.breakpoints.add(point);
        else stops.breakpoints.remove(point);
        return OK;
    }

    // Questions.

    private String query(String p) {
        if (p.startsWith("qSupported"))
            return "PacketSize=" + Integer.toHexString(PACKET_SIZE)
                    + ";QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+"
                    + (stops.reverses() ? ";ReverseStep+;ReverseContinue+" : "");
        if (p.equals("QStartNoAckMode")) {
            packets.acknowledgeNoMore();
            return OK;
        }
        if (p.startsWith("qXfer:features:read:target.xml:")) {
            Port port = port();
            String xml = TargetDescription.of(port.vcpu(), port.registers());
            return part(xml, p.substring(p.lastIndexOf(':') + 1));
        }
        if (p.equals("qC")) return "QC" + Integer.toHexString(port().number());
        if (p.equals("qAttached")) return "1";
        if (p.equals("qfThreadInfo")) {
            StringBuilder b = new StringBuilder("m");
            for (Port t : stops.threads()) b.append(b.length() > 1 ? "," : "").append(Integer.toHexString(t.number()));
            return b.length() > 1 ? b.toString() : "l";
        }
        if (p.equals("qsThreadInfo")) return "l";
        if (p.startsWith("qThreadExtraInfo,")) {
            Port t = stops.thread(thread(p.substring(p.indexOf(',') + 1)));
            return t == null ? ERROR : hex(t.vcpu().name() + ", " + t.where());
        }
        if (p.startsWith("qRcmd,")) return command(new String(Packets.bytes(p.substring(6)), StandardCharsets.UTF_8));
        // As in QEMU's stub, whose users have it in their scripts.
        if (p.equals("qqemu.PhyMemMode")) return physical ? "1" : "0";
        if (p.startsWith("Qqemu.PhyMemMode:")) {
            physical = p.endsWith("1");
            return OK;
        }
        return "";
    }

    private static String part(String all, String offsetAndLength) {
        int comma = offsetAndLength.indexOf(',');
        int from = Math.min(Integer.parseInt(offsetAndLength.substring(0, comma), 16), all.length());
        int n = Math.min(Integer.parseInt(offsetAndLength.substring(comma + 1), 16), PACKET_SIZE - 16);
        int to = Math.min(all.length(), from + n);
        return (to == all.length() ? "l" : "m") + all.substring(from, to);
    }

    private static String hex(String s) {
        return Packets.hex(s.getBytes(StandardCharsets.UTF_8));
    }

    /** GDB's {@code monitor}. */
    private String command(String c) {
        switch (c.strip()) {
            case "physical on" -> physical = true;
            case "physical off" -> physical = false;
            case "where" -> {
                return hex(stops.place() + "\n");
            }
            case "steps" -> {
                return hex(stops.steps());
            }
            default -> {
                return hex("""
                        monitor physical on|off   addresses of memory are guest-physical ones
                        monitor where             how far a replay is
                        monitor steps             latest steps of a schedule's host
                        """);
            }
        }
        return hex(physical ? "guest-physical addresses\n" : "virtual addresses\n");
    }
}
