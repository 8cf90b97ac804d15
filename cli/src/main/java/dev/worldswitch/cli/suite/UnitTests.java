package dev.worldswitch.cli.suite;

import dev.worldswitch.cli.suite.SuiteTest.Statuses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * unittests.cfg of kvm-unit-tests (its docs/unittests.txt): images that QEMU boots, with the options that x86/run and
 * arm/run give it.
 */
final class UnitTests {
    /** scripts/runtime.bash: TIMEOUT, when the file says nothing. */
    private static final long DEFAULT_SECONDS = 90;
    /** KVM_MAX_VCPUS is more; as many threads as this are of use. */
    private static final String MAX_SMP = "8";

    private static final Set<String> PARAMETERS = Set.of(
            "file",
            "smp",
            "extra_params",
            "qemu_params",
            "test_args",
            "arch",
            "machine",
            "groups",
            "accel",
            "timeout",
            "check");

    private final Path file, folder;
    private final String arch;
    private final Vmm vmm;
    private final List<SuiteTest> tests = new ArrayList<>();

    UnitTests(Path file, Path folder, String arch, Vmm vmm) {
        this.file = file;
        this.folder = folder;
        this.arch = arch;
        this.vmm = vmm;
    }

    List<SuiteTest> read(List<String> lines) {
        String name = "";
        Map<String, String> about = new LinkedHashMap<>();
        int number = 0;
        for (String raw : lines) {
            number++;
            String line = raw.replaceFirst("(^|\\s)#.*", "").strip();
            if (line.isEmpty()) continue;
            if (line.startsWith("[") && line.endsWith("]")) {
                if (!name.isEmpty()) tests.add(test(name, about));
                name = line.substring(1, line.length() - 1);
                about = new LinkedHashMap<>();
                continue;
            }
            String[] half = line.split("\\s*=\\s*", 2);
            if (half.length < 2 || name.isEmpty() || !PARAMETERS.contains(half[0]))
                throw new IllegalArgumentException(file + ", line " + number + ": not a parameter of a test: " + raw);
            // A second check is one more; any other parameter said twice is the last one.
            about.merge(half[0], half[1], half[0].equals("check") ? (a, b) -> a + " " + b : (a, b) -> b);
        }
        if (!name.isEmpty()) tests.add(test(name, about));
        return tests;
    }

    private SuiteTest test(String name, Map<String, String> about) {
        String why = whyNot(about);
        if (!why.isEmpty()) return SuiteTest.skipped(name, folder, why);
        List<String> command = new ArrayList<>(vmm.command());
        command.addAll(options());
        command.addAll(List.of("-kernel", image(about).toString()));
        command.addAll(List.of("-smp", about.getOrDefault("smp", "1").replace("$MAX_SMP", MAX_SMP)));
        command.addAll(words(parameters(about)));
        if (about.containsKey("test_args"))
            command.addAll(List.of("-append", unquoted(about.getOrDefault("test_args", ""))));
        String t = about.getOrDefault("timeout", "" + DEFAULT_SECONDS).replaceFirst("s$", "");
        if (!t.matches("\\d{1,6}")) throw new IllegalArgumentException(file + ": [" + name + "]: timeout = " + t);
        return new SuiteTest(name, folder, command, Long.parseLong(t), "", Statuses.DEBUG_EXIT);
    }

    private static String parameters(Map<String, String> about) {
        return about.getOrDefault("extra_params", about.getOrDefault("qemu_params", ""));
    }

    private Path image(Map<String, String> about) {
        return folder.resolve(about.getOrDefault("file", ""));
    }

    /** x86/run, arm/run. */
    private List<String> options() {
        String all = arch.equals("x86")
                ? "--no-reboot -nodefaults -device pc-testdev -device isa-debug-exit,iobase=0xf4,iosize=0x4 -vnc none "
                        + "-serial stdio -device pci-testdev -machine accel=kvm"
                : "-nodefaults -machine virt -accel kvm -cpu host -device virtio-serial-device "
                        + "-device virtconsole,chardev=ctd -chardev testdev,id=ctd -device pci-testdev -display none "
                        + "-serial stdio";
        return List.of(all.split(" "));
    }

    /** What can't be run here, by name. */
    private String whyNot(Map<String, String> about) {
        List<String> groups = List.of(about.getOrDefault("groups", "").split(" +"));
        String only = about.getOrDefault("arch", ""), parameters = parameters(about);
        String accel = about.getOrDefault("accel", "kvm");
        if (groups.contains("nodefault")) return "test marked as manual run only";
        if (!only.isEmpty() && !only.equals(arch.equals("x86") ? "x86_64" : "arm64")) return only + " only";
        if (!accel.contains("kvm")) return accel + " only";
        if (parameters.matches("(^|.*[ ,])(\\+vmx|\\+svm)([ ,].*|$)")
                || groups.contains("vmx")
                || groups.contains("svm")) return "no nested virtualisation (docs/LIMITS.md)";
        if (parameters.contains("hv_") || groups.contains("hyperv")) return "no Hyper-V interfaces (docs/LIMITS.md)";
        if (groups.contains("migration")) return "migration between two VMMs is not run here";
        if (groups.contains("panic")) return "GUEST_PANICKED is asked over QMP, which is not done here";
        if (parameters.contains("`") || parameters.replace("$MAX_SMP", "").contains("$"))
            return "its parameters want a shell: " + parameters;
        for (String c : about.getOrDefault("check", "").split(" +")) {
            String[] half = c.split("=", 2);
            if (half.length == 2 && !half[1].equals(content(half[0]))) return half[0] + " not equal to " + half[1];
        }
        if (!Files.isRegularFile(image(about))
                && !about.getOrDefault("file", "").startsWith("_")) return "file " + image(about) + " is missing";
        return vmm.whyNot();
    }

    private static String content(String path) {
        try {
            return Files.readString(Path.of(path)).strip();
        } catch (IOException e) {
            return "";
        }
    }

    /** As a shell cuts words, without what else it does. */
    static List<String> words(String text) {
        List<String> all = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        char quote = 0;
        boolean begun = false;
        for (char c : text.toCharArray()) {
            if (quote != 0 ? c == quote : c == '"' || c == '\'') {
                quote = quote == 0 ? c : 0;
                begun = true;
            } else if (quote == 0 && Character.isWhitespace(c)) {
                if (begun) all.add(word.toString());
                word.setLength(0);
                begun = false;
            } else {
                word.append(c);
                begun = true;
            }
        }
        if (begun) all.add(word.toString());
        return all;
    }

    private static String unquoted(String text) {
        return String.join(" ", words(text));
    }
}
