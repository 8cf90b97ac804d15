package dev.worldswitch.machine.cell;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The cells of one simulated object. Regions form a tree; the path (root name, then each child's own name) is the
 * object's identity and never depends on the order of creation.
 */
public final class Region {
    private final @Nullable Region parent;
    private final String name;
    private final @Nullable Watcher watcher;
    private final Map<String, Region> children = Collections.synchronizedMap(new LinkedHashMap<>());
    private final List<Cell> cells = Collections.synchronizedList(new ArrayList<>());

    private Region(@Nullable Region parent, String name, @Nullable Watcher watcher) {
        this.parent = parent;
        this.name = name;
        this.watcher = watcher;
    }

    /** A tree whose cells nobody watches: plain memory. */
    public static Region root(String name) {
        return new Region(null, name, null);
    }

    /** A tree in which each access goes through {@code watcher}. */
    public static Region watched(String name, Watcher watcher) {
        return new Region(null, name, watcher);
    }

    /** @throws IllegalStateException when a live child has this name already */
    public Region child(String childName) {
        Region made = new Region(this, childName, watcher);
        if (children.putIfAbsent(childName, made) != null)
            throw new IllegalStateException("region " + path() + " has a child " + childName + " already");
        return made;
    }

    /** Takes this region and all below it out of the tree. */
    public void drop() {
        if (parent != null) parent.children.remove(name, this);
    }

    public Word word(String n) {
        return add(new Word(this, n));
    }

    public Words words(String n, int length) {
        return add(new Words(this, n, length));
    }

    public Count count(String n) {
        return add(new Count(this, n));
    }

    public <T> Ref<T> ref(String n, T initial) {
        return add(new Ref<>(this, n, initial));
    }

    private <C extends Cell> C add(C cell) {
        cells.add(cell);
        return cell;
    }

    public String name() {
        return name;
    }

    public String path() {
        return parent == null ? name : parent.path() + "/" + name;
    }

    @Nullable
    Watcher watcher() {
        return watcher;
    }

    /** Does the step at once, or as the watcher wants it; see {@link Watcher#opaque}. */
    public void opaque(Watcher.OpaqueStep step) {
        if (watcher == null) step.run();
        else watcher.opaque(step);
    }

    /**
     * In a watched tree: the task that runs waits until {@code condition} holds, and others may come first.
     *
     * @throws IllegalStateException in a tree that nobody watches, where threads really wait
     */
    public void await(String what, BooleanSupplier condition) {
        if (watcher == null) throw new IllegalStateException("nobody watches " + path());
        watcher.await(what, condition);
    }

    /** True when the explorer watches this tree. */
    public boolean isWatched() {
        return watcher != null;
    }

    /** Visits every cell of this region and below, regions in the order of their creation. */
    public void forEachCell(Consumer<Cell> visit) {
        for (Cell c : List.copyOf(cells)) visit.accept(c);
        for (Region r : List.copyOf(children.values())) r.forEachCell(visit);
    }

    @Override
    public String toString() {
        return path();
    }
}
