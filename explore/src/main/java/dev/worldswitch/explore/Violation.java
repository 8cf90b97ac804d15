package dev.worldswitch.explore;

/** A property does not hold. */
final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1;
    final String property;

    Violation(String property, String what) {
        super(what, null, false, false);
        this.property = property;
    }
}
