package dev.worldswitch.explore;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.machine.PhysicalCpu;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The functions of the kernel and of KVM that touch the hardware, by their compiled code: what a schedule can come to. */
final class HardwareFunctions {
    private static final String ROOT = "dev/worldswitch/";
    private static final Map<String, List<String>> KNOWN = new ConcurrentHashMap<>();

    private HardwareFunctions() {}

    /** Of the kernel's and KVM's common code and of this architecture's, in order and in the kernel's spelling. */
    static List<String> of(String architecture) {
        return KNOWN.computeIfAbsent(architecture, a -> {
            Set<String> touching = touching(classes(PhysicalCpu.class, "machine", a));
            Set<String> functions = new TreeSet<>();
            List<ClassModel> code = new ArrayList<>(classes(Kernel.class, "kernel", a));
            code.addAll(classes(KvmFile.class, "kvm", a));
            for (ClassModel c : code)
                for (MethodModel m : c.methods())
                    if (calls(m, touching)) {
                        String name = Place.around(m.methodName().stringValue());
                        if (Place.isFunction(name)) functions.add(Place.kernelSpelling(name));
                    }
            return List.copyOf(functions);
        });
    }

    /** Methods of the machine, name and type, that let time pass: {@link PhysicalCpu#moment} and what calls it. */
    private static Set<String> touching(List<ClassModel> machine) {
        Set<String> touching = new HashSet<>(Set.of("moment(Ljava/lang/String;)V"));
        for (int before = 0; before != touching.size(); ) {
            before = touching.size();
            for (ClassModel c : machine) for (MethodModel m : c.methods()) if (calls(m, touching)) touching.add(key(m));
        }
        return touching;
    }

    private static String key(MethodModel m) {
        return m.methodName().stringValue() + m.methodType().stringValue();
    }

    private static boolean calls(MethodModel m, Set<String> touching) {
        return m.code().stream()
                .flatMap(c -> c.elementStream())
                .anyMatch(e -> e instanceof InvokeInstruction i
                        && i.owner().asInternalName().startsWith(ROOT + "machine/")
                        && touching.contains(i.name().stringValue() + i.type().stringValue()));
    }

    /** Classes of a module's root package and of the architecture's. */
    private static List<ClassModel> classes(Class<?> one, String module, String architecture) {
        List<ClassModel> all = new ArrayList<>();
        for (String folder : List.of(ROOT + module, ROOT + module + "/" + architecture)) all.addAll(in(one, folder));
        return all;
    }

    private static List<ClassModel> in(Class<?> one, String folder) {
        try {
            URI uri = one.getResource(one.getSimpleName() + ".class").toURI();
            if (uri.getScheme().equals("file")) {
                Path root = Path.of(uri);
                for (int i = one.getName().split("\\.").length; i > 0; i--) root = root.getParent();
                return parsed(root.resolve(folder));
            }
            if (uri.getScheme().equals("jar")) {
                try (FileSystem jar = FileSystems.newFileSystem(
                        Path.of(URI.create(uri.getSchemeSpecificPart().replaceFirst("!.*", ""))))) {
                    return parsed(jar.getPath(folder));
                }
            }
            throw new IllegalStateException("classes are neither in a folder nor in a jar: " + uri);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<ClassModel> parsed(Path folder) throws IOException {
        List<ClassModel> all = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path f :
                    files.filter(p -> p.toString().endsWith(".class")).sorted().toList())
                all.add(ClassFile.of().parse(Files.readAllBytes(f)));
        }
        return all;
    }
}
