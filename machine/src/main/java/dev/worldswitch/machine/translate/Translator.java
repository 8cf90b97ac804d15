package dev.worldswitch.machine.translate;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Chooses what to translate: for a block that was interpreted often the loop it heads, or what can be reached from it, in
 * one page. Loops that have a translation already stay apart. Translations are a pure cache; all are forgotten when there are
 * too many.
 */
public abstract class Translator<B extends BasicBlock<B>> {
    public static final int MAX_LIVE = 4096;
    private static final int MAX_OPS = 120, MIN_OPS = 7, SMALL_LOOP = 24;
    /** Interpretations of a block before it is translated. */
    public int threshold = 8000;
    /** Also what would mostly be done by operation objects. */
    public boolean everything;

    private final MethodHandles.Lookup in;
    private final ClassFile files;
    private final List<B> live = new ArrayList<>();
    private int made;

    /** {@code in} is a lookup of the package that the classes of regions go to. */
    protected Translator(MethodHandles.Lookup in) {
        this.in = in;
        files = ClassFile.of(ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofClassLoading(in)));
    }

    /** The block at {@code at}, in the page of {@code head}, if it was decoded already and memory still says the same. */
    protected abstract @Nullable B decoded(B head, long at);

    protected abstract boolean canTranslate(B head);

    /** False for a region of which too little would be byte code of its own. */
    protected abstract boolean worthwhile(List<B> region);

    protected abstract RegionWriter<B> writer(List<B> region);

    /** The translation of {@code head}, now its {@link BasicBlock#code}; null where there is none to be had. */
    public final @Nullable Translation<B> hot(B head) {
        if (!canTranslate(head)) return null;
        // The JIT leaves long methods alone, which would be slower than interpreting: then less is translated.
        for (int most = MAX_OPS; most >= MIN_OPS; most /= 2) {
            Map<Long, B> reach = reach(head, most);
            Map<Long, B> loop = loop(head, reach);
            List<B> region = List.copyOf((loop.isEmpty() ? reach : loop).values());
            if (!everything && !worthwhile(region)) return null;
            RegionWriter<B> w = writer(region);
            byte[] file = w.classFile(files);
            if (file.length == 0) continue;
            if (live.size() >= MAX_LIVE) forget();
            Translation<B> t = define(head, file, w.constants());
            t.of(region, head.checkedEpoch);
            head.code = t;
            head.loopOps = loop.values().stream().mapToInt(B::length).sum();
            live.add(head);
            made++;
            return t;
        }
        return null;
    }

    /** Translations made so far. */
    public final int made() {
        return made;
    }

    public final int kept() {
        return live.size();
    }

    protected final void forget() {
        for (B b : live) {
            b.code = null;
            b.count = 0;
        }
        live.clear();
    }

    /** Blocks that were decoded already and are reached from {@code head} by direct branches, nearest first. */
    private Map<Long, B> reach(B head, int most) {
        Map<Long, B> found = new LinkedHashMap<>();
        ArrayDeque<B> work = new ArrayDeque<>(List.of(head));
        int ops = 0;
        while (!work.isEmpty()) {
            B b = work.poll();
            if (found.containsKey(b.start)) continue;
            if (ops + b.length() > most && b != head) continue;
            ops += b.length();
            found.put(b.start, b);
            for (long to : b.successors()) {
                B n = ((to ^ head.start) & TlbMemory.PAGE) == 0 ? decoded(head, to) : null;
                if (n != null && !(n.code != null && n.loopOps > SMALL_LOOP)) work.add(n);
            }
        }
        return found;
    }

    /** The blocks of {@code reach} from which a path leads back to {@code head}; none when it is in no loop. */
    private Map<Long, B> loop(B head, Map<Long, B> reach) {
        Map<Long, List<Long>> before = new HashMap<>();
        for (B b : reach.values())
            for (long to : b.successors())
                before.computeIfAbsent(to, k -> new ArrayList<>()).add(b.start);
        Set<Long> in = new HashSet<>();
        ArrayDeque<Long> work = new ArrayDeque<>(List.of(head.start));
        while (!work.isEmpty())
            for (long from : before.getOrDefault(work.poll(), List.of())) if (in.add(from)) work.add(from);
        Map<Long, B> loop = new LinkedHashMap<>();
        if (in.contains(head.start)) for (B b : reach.values()) if (in.contains(b.start)) loop.put(b.start, b);
        return loop;
    }

    @SuppressWarnings("unchecked")
    private Translation<B> define(B head, byte[] file, List<Object> constants) {
        try {
            MethodHandles.Lookup made = in.defineHiddenClassWithClassData(file, constants, true);
            return (Translation<B>) made.findConstructor(made.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
        } catch (RuntimeException | Error x) {
            throw x;
        } catch (Throwable x) {
            throw new IllegalStateException("translation of " + Long.toHexString(head.start), x);
        }
    }
}
