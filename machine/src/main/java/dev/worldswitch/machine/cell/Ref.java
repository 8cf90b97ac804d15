package dev.worldswitch.machine.cell;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** A cell holding an immutable record (compared by content) or a simulated object (compared by path). */
public final class Ref<T> extends Cell {
    private static final VarHandle VALUE;

    static {
        try {
            VALUE = MethodHandles.lookup().findVarHandle(Ref.class, "value", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private @Nullable Object value;

    Ref(Region region, String name, T initial) {
        super(region, name);
        this.value = initial;
    }

    @SuppressWarnings("unchecked")
    public T get() {
        Object v = VALUE.getAcquire(this);
        return (T) (watcher == null ? v : watcher.readRef(this, v));
    }

    public void set(T v) {
        if (watcher == null || watcher.writeRef(this, value, v)) VALUE.setRelease(this, v);
    }

    /** The value without telling the watcher. */
    public @Nullable Object peekRef() {
        return value;
    }

    /** Stores without telling the watcher: for restoring. */
    public void pokeRef(@Nullable Object v) {
        value = v;
    }

    @Override
    public int length() {
        return 0;
    }

    @Override
    public long peek(int index) {
        throw new UnsupportedOperationException(path() + " is a reference");
    }

    @Override
    public void poke(int index, long v) {
        throw new UnsupportedOperationException(path() + " is a reference");
    }
}
