package dev.worldswitch.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Bare-metal programs of {@code native/semantics}. */
public final class Assembler {
    private Assembler() {}

    /** The bytes of a program's text for arm64. @throws IOException when there is no cross compiler */
    public static byte[] arm64(String name) throws IOException, InterruptedException {
        return binary("aarch64-linux-gnu-", name);
    }

    /** The same for x86, 32-bit where the program doesn't say otherwise. */
    public static byte[] x86(String name) throws IOException, InterruptedException {
        return binary("", name, "-m32");
    }

    private static byte[] binary(String tools, String name, String... options)
            throws IOException, InterruptedException {
        Path source = Path.of("native/semantics/" + name + ".S");
        if (!Files.exists(source)) source = Path.of("../native/semantics/" + name + ".S");
        Path dir = Files.createTempDirectory(name), object = dir.resolve("program.o"), binary = dir.resolve("program");
        List<String> compile = new ArrayList<>(List.of(tools + "gcc"));
        compile.addAll(List.of(options));
        compile.addAll(List.of("-c", "-o", object.toString(), source.toString()));
        call(compile);
        call(List.of(tools + "objcopy", "-O", "binary", "-j", ".text", object.toString(), binary.toString()));
        byte[] bytes = Files.readAllBytes(binary);
        Files.delete(object);
        Files.delete(binary);
        Files.delete(dir);
        return bytes;
    }

    private static void call(List<String> command) throws IOException, InterruptedException {
        if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0)
            throw new IOException(command.getFirst() + " failed");
    }
}
