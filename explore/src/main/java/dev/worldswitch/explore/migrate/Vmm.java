package dev.worldswitch.explore.migrate;

import java.util.List;

/** What a VMM of some architecture does to save a vCPU and to restore it. */
interface Vmm {
    /** Orders of operations that it knows: name, then one line. */
    List<String[]> orders();

    /** Makes the vCPU on the source, gives it a state of its own, and saves it. */
    List<Item> save(Host source, String order, Report report);

    /** Makes the vCPU on the destination and restores it; then reads everything back and compares. */
    void restore(Host destination, List<Item> state, String order, Report report);
}
