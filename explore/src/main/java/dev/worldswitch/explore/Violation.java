package dev.worldswitch.explore;

/** A property does not hold. Thrown, it ends the run; reported, the run goes on to show what comes of it. */
public final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient Property property;

    public Violation(Property property, String what) {
        super(what, null, false, false);
        this.property = property;
    }

    public Property property() {
        return property;
    }

    public String what() {
        return String.valueOf(getMessage());
    }
}
