package dev.worldswitch.explore;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.machine.PhysicalCpu;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.spi.ToolProvider;

/** Compiles one changed source of the kernel or of KVM and explores with it. */
final class Mutants {
    private Mutants() {}

    static String source(String file) {
        try {
            return Files.readString(Path.of("..", file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * @param asked as {@link MutantRun} takes it
     * @return ids of the properties that fail
     */
    static List<String> explore(Path folder, String file, String text, String asked) throws Exception {
        Path classes = Files.createTempDirectory(folder, "mutant");
        compile(Path.of(file), text, classes);
        List<URL> urls = new ArrayList<>(List.of(classes.toUri().toURL()));
        for (Class<?> c : List.of(MutantRun.class, Exploration.class, KvmFile.class, Kernel.class, PhysicalCpu.class))
            urls.add(c.getProtectionDomain().getCodeSource().getLocation());
        urls.add(Path.of("target/classes").toUri().toURL());
        urls.add(Path.of("target/test-classes").toUri().toURL());
        // No parent: the loaders above know the unchanged classes by their modules.
        try (URLClassLoader loader = new URLClassLoader(urls.toArray(new URL[0]), null)) {
            @SuppressWarnings("unchecked")
            Function<String, List<String>> run = (Function<String, List<String>>)
                    loader.loadClass(MutantRun.class.getName()).getConstructor().newInstance();
            return run.apply(asked);
        }
    }

    private static void compile(Path source, String text, Path classes) throws IOException {
        Path changed = classes.resolve("src").resolve(source.getFileName());
        Files.createDirectories(changed.getParent());
        Files.writeString(changed, text);
        StringBuilder path = new StringBuilder();
        for (Class<?> c : List.of(KvmFile.class, Kernel.class, PhysicalCpu.class))
            path.append(c.getProtectionDomain().getCodeSource().getLocation().getPath())
                    .append(File.pathSeparator);
        for (String p : List.of("jdk.module.path", "java.class.path"))
            path.append(System.getProperty(p, "")).append(File.pathSeparator);
        StringWriter out = new StringWriter();
        int r = ToolProvider.findFirst("javac")
                .orElseThrow()
                .run(
                        new PrintWriter(out),
                        new PrintWriter(out),
                        "-d",
                        classes.toString(),
                        "-cp",
                        path.toString(),
                        "-proc:none",
                        "-nowarn",
                        changed.toString());
        assertThat(r).as(out.toString()).isZero();
    }
}
