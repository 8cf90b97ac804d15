package dev.worldswitch.machine.x86;

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
 * one page of 64-bit code. Loops that have a translation already stay apart. Translations are a pure cache; all are
 * forgotten when there are too many.
 */
final class Translator {

    static final int MAX_LIVE = 1024;
    private static final int MAX_OPS = 120, MIN_OPS = 7, SMALL_LOOP = 24;
    private static final ClassFile FILES = ClassFile.of(
            ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofClassLoading(MethodHandles.lookup())));

    private final Interpreter m;
    private final BlockCache blocks;
    /** Interpretations of a block before it is translated. */
    int threshold = 1000;
    /** Also what would mostly be done by operation objects. */
    boolean everything;

    private final List<Block> live = new ArrayList<>();
    private int made;

    Translator(Interpreter m, BlockCache blocks) {
        this.m = m;
        this.blocks = blocks;
    }

    /** The translation of {@code head}, now its {@link Block#code}; null where there is none to be had. */
    @Nullable
    Translated hot(Block head) {
        if (head.mode != 64 || head.gpa2 != 0) return null;
        // The JIT leaves long methods alone, which would be slower than interpreting: then less is translated.
        for (int most = MAX_OPS; most >= MIN_OPS; most /= 2) {
            Map<Long, Block> reach = reach(head, most);
            Map<Long, Block> loop = loop(head, reach);
            List<Block> region = List.copyOf((loop.isEmpty() ? reach : loop).values());
            if (!everything && !RegionEmitter.worthwhile(region)) return null;
            RegionEmitter e = new RegionEmitter(m, region);
            byte[] file = e.classFile(FILES);
            if (file.length == 0) continue;
            if (live.size() >= MAX_LIVE) forget();
            Translated t = define(head, file, e.constants());
            t.of(region, head.checkedEpoch);
            head.code = t;
            head.loopOps = loop.values().stream().mapToInt(b -> b.ops.length).sum();
            live.add(head);
            made++;
            return t;
        }
        return null;
    }

    /** Translations made so far. */
    int made() {
        return made;
    }

    int kept() {
        return live.size();
    }

    private void forget() {
        for (Block b : live) {
            b.code = null;
            b.count = 0;
        }
        live.clear();
    }

    /** Blocks that were decoded already and are reached from {@code head} by direct branches, nearest first. */
    private Map<Long, Block> reach(Block head, int most) {
        Map<Long, Block> found = new LinkedHashMap<>();
        ArrayDeque<Block> work = new ArrayDeque<>(List.of(head));
        int ops = 0;
        while (!work.isEmpty()) {
            Block b = work.poll();
            if (found.containsKey(b.rip)) continue;
            if (ops + b.ops.length > most && b != head) continue;
            ops += b.ops.length;
            found.put(b.rip, b);
            for (long to : RegionEmitter.successors(b)) {
                Block n = inPage(head, to);
                if (n != null && !(n.code != null && n.loopOps > SMALL_LOOP)) work.add(n);
            }
        }
        return found;
    }

    private @Nullable Block inPage(Block head, long rip) {
        if (((rip ^ head.rip) & GuestMemory.PAGE) != 0) return null;
        Block b = blocks.peek(rip, head.gpa & GuestMemory.PAGE | rip & 0xfff, head.mode);
        return b == null || b.gpa2 != 0 ? null : b;
    }

    /** The blocks of {@code reach} from which a path leads back to {@code head}; none when it is in no loop. */
    private static Map<Long, Block> loop(Block head, Map<Long, Block> reach) {
        Map<Long, List<Long>> before = new HashMap<>();
        for (Block b : reach.values())
            for (long to : RegionEmitter.successors(b))
                before.computeIfAbsent(to, k -> new ArrayList<>()).add(b.rip);
        Set<Long> in = new HashSet<>();
        ArrayDeque<Long> work = new ArrayDeque<>(List.of(head.rip));
        while (!work.isEmpty())
            for (long from : before.getOrDefault(work.poll(), List.of())) if (in.add(from)) work.add(from);
        Map<Long, Block> loop = new LinkedHashMap<>();
        if (in.contains(head.rip)) for (Block b : reach.values()) if (in.contains(b.rip)) loop.put(b.rip, b);
        return loop;
    }

    private static Translated define(Block head, byte[] file, List<Object> constants) {
        try {
            MethodHandles.Lookup made = MethodHandles.lookup().defineHiddenClassWithClassData(file, constants, true);
            return (Translated) made.findConstructor(made.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
        } catch (RuntimeException | Error x) {
            throw x;
        } catch (Throwable x) {
            throw new IllegalStateException("translation of " + Long.toHexString(head.rip), x);
        }
    }
}
