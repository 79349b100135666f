package panlock.producer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import org.apache.kafka.common.config.ConfigException;

/**
 * The workers' public key, as they publish it: one line, {@code panlock-seal-key-v1:} and the base64 of u16 KEM | public
 * key.
 */
final class Recipient {
    private static final String LINE = "panlock-seal-key-v1:";

    private final Kem kem;
    private final byte[] key;
    private final byte[] prefix;

    Recipient(String line) {
        byte[] raw = decoded(line.strip());
        kem = raw.length < 2 ? null : Kem.of((raw[0] & 0xff) << 8 | raw[1] & 0xff);
        if (kem == null || raw.length != 2 + kem.publicBytes) {
            throw new ConfigException("not a public key of Panlock's workers: a line that begins " + LINE);
        }
        key = Arrays.copyOfRange(raw, 2, raw.length);
        byte[] id = Codec.hash("panlock-seal-key-v1".getBytes(US_ASCII), raw);
        prefix = Codec.join(new byte[] {1}, kem.number(), id);
        wrap(new byte[DataKey.BYTES], new byte[0]); // a key that nothing can be sealed to is found now
    }

    /** The line itself, or the path of a file that holds it. */
    static Recipient read(String lineOrFile) {
        if (lineOrFile.startsWith(LINE)) {
            return new Recipient(lineOrFile);
        }
        try {
            return new Recipient(Files.readString(Path.of(lineOrFile)));
        } catch (IOException | InvalidPathException error) {
            throw new ConfigException("cannot read " + lineOrFile + ": the file with the public key of Panlock's workers");
        }
    }

    /** The header panlock-sealed-key: u8 version 1 | u16 KEM | key id (32) | encapsulated key | encrypted data key. */
    byte[] wrap(byte[] dataKey, byte[] info) {
        try {
            Kem.Encapsulated made = kem.encapsulate(key);
            return Codec.join(prefix, made.key(), Hpke.seal(kem, made.secret(), info, dataKey));
        } catch (GeneralSecurityException | IllegalArgumentException error) {
            throw new ConfigException("nothing can be sealed to this public key: take it anew from Panlock's workers");
        }
    }

    private static byte[] decoded(String line) {
        try {
            return line.startsWith(LINE) ? Base64.getDecoder().decode(line.substring(LINE.length())) : new byte[0];
        } catch (IllegalArgumentException error) {
            return new byte[0];
        }
    }
}
