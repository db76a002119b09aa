import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

/** Counts words with Kafka Streams under exactly_once_v2, fed by a transactional producer that also aborts. Prints the counts. */
public class WordCount {
    static final int LINES = 60;

    public static void main(String[] arguments) throws Exception {
        String broker = arguments[0], folder = arguments[1];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
            admin.createTopics(List.of(new NewTopic("lines", 2, (short) 1), new NewTopic("counts", 1, (short) 1))).all().get();
        }
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "word-count");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        // The first life does not leave its group: the second waits for so long.
        settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
        settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 1000);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream("lines").flatMapValues(line -> List.of(line.split(" "))).groupBy((key, word) -> word).count().toStream()
            .to("counts", Produced.with(Serdes.String(), Serdes.Long()));
        // Two lives of the application: the second goes on where the first has committed.
        for (int life = 0; life < 2; life++) {
            produce(broker, life);
            try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
                streams.start();
                read(broker, (life + 1) * LINES);
            }
        }
        new TreeMap<>(read(broker, 2 * LINES)).forEach((word, count) -> System.out.println(word + "=" + count));
    }

    /** Every third transaction is aborted. */
    static void produce(String broker, int life) {
        Map<String, Object> settings = Map.of("bootstrap.servers", broker, "transactional.id", "lines");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.initTransactions();
            for (int number = 0; number < LINES; number++) {
                if (number % 3 == 0) {
                    producer.beginTransaction();
                    producer.send(new ProducerRecord<>("lines", "" + number, "aborted"));
                    producer.flush();
                    producer.abortTransaction();
                }
                producer.beginTransaction();
                producer.send(new ProducerRecord<>("lines", "" + number, "each word" + number % 4));
                producer.commitTransaction();
            }
        }
    }

    /** The last committed count of each word, once "each" has come to so many. */
    static Map<String, Long> read(String broker, long each) {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", broker, "group.id", "reader-" + UUID.randomUUID(), "auto.offset.reset", "earliest", "isolation.level", "read_committed");
        Map<String, Long> counts = new HashMap<>();
        try (KafkaConsumer<String, Long> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
            consumer.subscribe(List.of("counts"));
            long end = System.nanoTime() + 60_000_000_000L;
            while (counts.getOrDefault("each", 0L) < each && System.nanoTime() < end)
                for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(500))) counts.put(record.key(), record.value());
        }
        return counts;
    }
}
