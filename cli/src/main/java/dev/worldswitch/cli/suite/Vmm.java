package dev.worldswitch.cli.suite;

import java.util.List;

/**
 * What boots the images of kvm-unit-tests: QEMU, or what takes its options.
 *
 * @param command the program and options of its own
 * @param whyNot why it can't be used here; empty when it can
 */
public record Vmm(List<String> command, String whyNot) {
    public Vmm {
        command = List.copyOf(command);
    }
}
