/** Lists of choices that several node classes share. `@0.8` marks what version 0.3.64 did not offer yet. */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const CHOICES: Readonly<Record<string, readonly string[]>> = {
  samplers: words(`
    euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 exp_heun_2_x0@0.8 exp_heun_2_x0_sde@0.8
    dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive dpmpp_2s_ancestral dpmpp_2s_ancestral_cfg_pp dpmpp_sde
    dpmpp_sde_gpu dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde dpmpp_2m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu
    dpmpp_3m_sde dpmpp_3m_sde_gpu ddpm lcm ipndm ipndm_v deis res_multistep res_multistep_cfg_pp
    res_multistep_ancestral res_multistep_ancestral_cfg_pp gradient_estimation gradient_estimation_cfg_pp er_sde
    seeds_2 seeds_3 sa_solver sa_solver_pece ddim uni_pc uni_pc_bh2`),
  schedulers: words('simple sgm_uniform karras exponential ddim_uniform beta normal linear_quadratic kl_optimal'),
  imageScale: words('nearest-exact bilinear area bicubic lanczos'),
  latentScale: words('nearest-exact bilinear area bicubic bislerp'),
  patchScale: words('bicubic nearest-exact bilinear area bislerp'),
  flip: ['x-axis: vertically', 'y-axis: horizontally'],
  rotation: ['none', '90 degrees', '180 degrees', '270 degrees'],
  windowSchedules: words('standard_static standard_uniform looped_uniform batched'),
  windowFusions: words('pyramid relative flat overlap-linear'),
  clipTypes: words(`
    stable_diffusion stable_cascade sd3 stable_audio mochi ltxv pixart cosmos lumina2 wan hidream chroma ace omnigen2
    qwen_image hunyuan_image flux2@0.8 ovis@0.8`),
  dualClipTypes: words(`
    sdxl sd3 flux hunyuan_video hidream hunyuan_image hunyuan_video_15@0.8 kandinsky5@0.8 kandinsky5_image@0.8
    ltxv@0.8 newbie@0.8`),
  checkpointConfigs: words(`
    anything_v3.yaml v1-inference.yaml v1-inference_clip_skip_2.yaml v1-inference_clip_skip_2_fp16.yaml
    v1-inference_fp16.yaml v1-inpainting-inference.yaml v2-inference-v.yaml v2-inference-v_fp32.yaml v2-inference.yaml
    v2-inference_fp32.yaml v2-inpainting-inference.yaml`),
  porterDuff: words(`
    ADD CLEAR DARKEN DST DST_ATOP DST_IN DST_OUT DST_OVER LIGHTEN MULTIPLY OVERLAY SCREEN SRC SRC_ATOP SRC_IN SRC_OUT
    SRC_OVER XOR`),
};
