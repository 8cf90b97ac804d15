package dev.worldswitch.machine.translate;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which guest-physical pages have decoded code in them, and where. */
public final class CodePages<B extends BasicBlock<B>> {
    private static final int MAX_PAGES = 8192, CHURN = 8;
    private final Map<Long, CodePage<B>> byPage = new HashMap<>();
    private long lastPage = -1;
    private @Nullable CodePage<B> last;
    /** A page whose code keeps being written: its blocks are short, as most of a long one would never run. */
    private long churning = -1;

    private int churn;

    public void clear() {
        byPage.clear();
        lastPage = -1;
    }

    private @Nullable CodePage<B> page(long gpa) {
        long page = gpa & TlbMemory.PAGE;
        if (page != lastPage) {
            lastPage = page;
            last = byPage.get(page);
        }
        return last;
    }

    public boolean isCodePage(long gpa) {
        return page(gpa) != null;
    }

    /** True when a write of {@code size} bytes in one page may change a block. */
    public boolean isCode(long gpa, int size) {
        CodePage<B> p = page(gpa);
        return p != null && p.has(gpa, size);
    }

    /** Drops the blocks that a write changed. */
    public void written(long gpa, int size) {
        long page = gpa & TlbMemory.PAGE;
        churn = page == churning ? churn + 1 : 0;
        churning = page;
        CodePage<B> p = page(gpa);
        if (p != null) p.written(gpa, size);
    }

    public boolean isChurning(long gpa) {
        return churn >= CHURN && (gpa & TlbMemory.PAGE) == churning;
    }

    /** So many that all should be forgotten before another one comes. */
    public boolean isFull() {
        return byPage.size() >= MAX_PAGES;
    }

    /** Adds a block that touches the page of {@code gpa}; true when the page had none before. */
    public boolean add(long gpa, B block) {
        CodePage<B> p = page(gpa);
        boolean isNew = p == null;
        if (p == null) {
            p = new CodePage<>(gpa & TlbMemory.PAGE);
            byPage.put(gpa & TlbMemory.PAGE, p);
            lastPage = -1;
        }
        p.add(block);
        return isNew;
    }
}
