package dev.worldswitch.machine;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes one class per (template, meaning) from the byte code of a template class, with the meaning as a constant: the
 * JIT then compiles the pure functions into each copy, where one shared class would call them through a table.
 */
public final class OpTemplate {
    private record Key(Class<?> template, Object meaning) {}

    private static final Map<Key, MethodHandle> MADE = new ConcurrentHashMap<>();

    private OpTemplate() {}

    /** A new object of {@code template}'s copy for {@code meaning}; {@code in} is a lookup of the template's package. */
    public static Object make(MethodHandles.Lookup in, Class<?> template, Object meaning) {
        MethodHandle h = MADE.computeIfAbsent(new Key(template, meaning), k -> define(in, k));
        try {
            return (Object) h.invokeExact();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(template.getName(), e);
        }
    }

    /** The meaning that the class of {@code lookup} was made for. */
    public static <T> T meaning(MethodHandles.Lookup lookup, Class<T> type) {
        try {
            return MethodHandles.classData(lookup, "_", type);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static MethodHandle define(MethodHandles.Lookup in, Key key) {
        String file = key.template.getName().substring(key.template.getName().lastIndexOf('.') + 1) + ".class";
        try (InputStream bytes = key.template.getResourceAsStream(file)) {
            if (bytes == null) throw new IllegalStateException("no byte code of " + file);
            MethodHandles.Lookup made = in.defineHiddenClassWithClassData(bytes.readAllBytes(), key.meaning, true);
            return made.findConstructor(made.lookupClass(), MethodType.methodType(void.class))
                    .asType(MethodType.methodType(Object.class));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(file, e);
        }
    }
}
