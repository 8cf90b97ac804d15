package dev.worldswitch.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.worldswitch.machine.cell.Region;
import org.junit.jupiter.api.Test;

/** The check that all tests of this module and of those above it run with. */
class LockOrderTest {
    private final Region root = Region.root("lockOrderTest");

    private Mutex mutex(String object, String name) {
        return new Mutex(root.child(object), name);
    }

    private static void both(Mutex outer, Mutex inner) {
        outer.lock();
        try {
            inner.lock();
            inner.unlock();
        } finally {
            Mutex.releaseHeld();
        }
    }

    @Test
    void itIsOnInTests() {
        assertThat(LockOrder.CHECKED).isTrue();
    }

    @Test
    void twoOrdersAreFoundThoughNobodyWaits() {
        Mutex a = mutex("a", "lock"), b = mutex("b", "lock"), c = mutex("c", "lock");
        both(a, b);
        both(b, c);
        assertThatThrownBy(() -> both(c, a))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("lockOrderTest/a.lock, then lockOrderTest/b.lock");
        assertThat(LockOrder.seen()).contains("lockOrderTest/a.lock then lockOrderTest/b.lock");
    }

    @Test
    void objectsOfOneKindAreOneClass() {
        Mutex outer = mutex("vm0", "lock"), inner = mutex("vcpu3", "mutex"), other = mutex("vm1", "lock");
        both(outer, inner);
        assertThatThrownBy(() -> both(inner, other)).hasMessageContaining("lock order");
    }
}
