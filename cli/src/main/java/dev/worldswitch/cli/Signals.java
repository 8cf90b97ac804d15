package dev.worldswitch.cli;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Passes signals on to the client. The terminal's own go to the whole process group, so the client has them already. */
final class Signals {
    private static final List<String> PASSED = List.of("TERM", "HUP", "INT");

    private final List<String> early = new ArrayList<>();
    private @Nullable Process client;

    Signals() {
        // By name: javac warns about the class itself, and that warning can't be turned off.
        try {
            Class<?> signal = Class.forName("sun.misc.Signal"), handler = Class.forName("sun.misc.SignalHandler");
            for (String name : PASSED) {
                Object handle =
                        Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (p, m, args) -> {
                            if (m.getName().equals("handle")) arrived(name);
                            return null;
                        });
                signal.getMethod("handle", signal, handler)
                        .invoke(null, signal.getConstructor(String.class).newInstance(name), handle);
            }
        } catch (InvocationTargetException e) {
            System.err.println("ws: signals are not passed on to the client: " + e.getCause());
        } catch (ReflectiveOperationException e) {
            System.err.println("ws: signals are not passed on to the client: " + e);
        }
    }

    private synchronized void arrived(String name) {
        if (name.equals("INT") && fromTerminal()) return;
        if (client == null) early.add(name);
        else send(client, name);
    }

    synchronized void passTo(Process p) {
        client = p;
        for (String name : early) send(p, name);
    }

    private static void send(Process p, String name) {
        if (name.equals("TERM")) p.destroy();
        else
            try {
                new ProcessBuilder("kill", "-" + name, Long.toString(p.pid()))
                        .inheritIO()
                        .start()
                        .waitFor();
            } catch (IOException e) {
                System.err.println("ws: can't pass SIG" + name + " on: " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
    }

    /** Are we in the foreground group of a terminal (proc(5): stat fields pgrp and tpgid)? */
    private static boolean fromTerminal() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] field = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return field[2].equals(field[5]);
        } catch (IOException e) {
            return false;
        }
    }
}
