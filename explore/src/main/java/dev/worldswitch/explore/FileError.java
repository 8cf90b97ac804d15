package dev.worldswitch.explore;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Why a file can't be read or written, in one line of words. */
public final class FileError {
    private FileError() {}

    /** @param what as {@code can't read} */
    public static IllegalArgumentException of(String what, Path file, IOException e) {
        String why = switch (e) {
            case NoSuchFileException n -> "there is no such file or directory";
            case AccessDeniedException a -> "permission denied";
            case CharacterCodingException c -> "it is no text";
            default -> String.valueOf(e.getMessage());
        };
        return new IllegalArgumentException(what + " " + file + ": " + why, e);
    }
}
