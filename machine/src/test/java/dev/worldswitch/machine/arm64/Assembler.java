package dev.worldswitch.machine.arm64;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Bare-metal programs of {@code native/semantics}. */
final class Assembler {
    private Assembler() {}

    /** The bytes of a program's text. @throws IOException when there is no cross compiler */
    static byte[] binary(String name) throws IOException, InterruptedException {
        Path source = Path.of("native/semantics/" + name + ".S");
        if (!Files.exists(source)) source = Path.of("../native/semantics/" + name + ".S");
        Path dir = Files.createTempDirectory(name), object = dir.resolve("program.o"), binary = dir.resolve("program");
        call("aarch64-linux-gnu-gcc", "-c", "-o", object.toString(), source.toString());
        call("aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", object.toString(), binary.toString());
        byte[] bytes = Files.readAllBytes(binary);
        Files.delete(object);
        Files.delete(binary);
        Files.delete(dir);
        return bytes;
    }

    private static void call(String... command) throws IOException, InterruptedException {
        if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0)
            throw new IOException(command[0] + " failed");
    }
}
