//! Times the reading of a weights file.
fn main() {
    for name in std::env::args().skip(1) {
        let data = std::fs::read(&name).unwrap();
        for _ in 0..3 {
            let t = std::time::Instant::now();
            let w = kolmozip_core::weights::Weights::read(&data).unwrap();
            let mut all: Vec<u8> = Vec::new();
            let dt = t.elapsed();
            let add8 = |a: &mut Vec<u8>, v: &[i8]| a.extend(v.iter().map(|x| *x as u8));
            add8(&mut all, &w.embed);
            for t in &w.tables {
                add8(&mut all, t);
            }
            add8(&mut all, &w.w_ngram.values);
            for l in &w.layers {
                add8(&mut all, &l.mixer_in.values);
                all.extend(l.gate_bias.iter().flat_map(|x| x.to_le_bytes()));
                all.extend(l.conv_taps.iter().flat_map(|x| x.to_le_bytes()));
                add8(&mut all, &l.mixer_out.values);
                add8(&mut all, &l.mlp_in.values);
                all.extend(l.knots.iter().flat_map(|x| x.to_le_bytes()));
                add8(&mut all, &l.mlp_out.values);
            }
            add8(&mut all, &w.head.values);
            add8(&mut all, &w.head_ngram.values);
            all.extend(w.head_bias.iter().flat_map(|x| x.to_le_bytes()));
            println!("{name} {dt:?} crc {:08x} {}", kolmozip_core::weights::crc32(&all), all.len());
        }
    }
}
